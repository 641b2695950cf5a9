import { expect, it } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';
import type { Connection } from '../../src/workers/connection.js';
import { describeSite, type SiteAnswer } from '../../src/workers/describe-site.js';
import type { JobPlace } from '../../src/workers/jobs.js';
import type { WorkerExit, WorkerSource } from '../../src/workers/worker.js';

const place: JobPlace = { root: '/nowhere', env: {}, umask: '0022', logs: '/nowhere', logLimit: 0 };
const killed: WorkerExit = { code: undefined, signal: 'SIGKILL', seen: true };

/** Workers that say what they are told to, one after another, and end. */
function source(...lives: { says?: readonly object[]; exit: WorkerExit }[]): WorkerSource & { used: number } {
  const made = {
    used: 0,
    worker: () => {
      const life = lives[made.used] ?? { exit: killed };
      made.used += 1;
      let listener: (message: unknown) => void = () => undefined;
      const connection = {
        closed: Promise.resolve(),
        onMessage: (to: (message: unknown) => void) => (listener = to),
        send: () => life.says?.forEach((message) => listener(message)),
        close: () => undefined,
      };
      return Promise.resolve({
        pid: made.used,
        connection: connection as unknown as Connection,
        ended: Promise.resolve(life.exit),
        kill: () => undefined,
      });
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
  };
  return made;
}

const look = (from: WorkerSource): Promise<SiteAnswer> =>
  describeSite(from, place, parseSiteUri('http://a.test'), new EventBus(), 10_000);

it('asks another worker where one was killed', async () => {
  const workers = source(
    { says: [{ type: 'settings', version: '7.1' }], exit: killed },
    {
      says: [{ type: 'facts', time: 0 }],
      exit: { code: 0, signal: undefined, seen: true },
    },
  );
  const answer = await look(workers);
  expect(answer.facts).toBeDefined();
  expect(answer.failure).toBeUndefined();
  expect(workers.used).toBe(2);
});

it('gives up after three', async () => {
  const workers = source();
  expect((await look(workers)).failure?.message).toBe('PHP ended (SIGKILL)');
  expect(workers.used).toBe(3);
});

it('believes the first that ends without a word by itself', async () => {
  const workers = source({ exit: { code: 255, signal: undefined, seen: true } });
  expect((await look(workers)).failure?.message).toBe('PHP ended (255)');
  expect(workers.used).toBe(1);
});
