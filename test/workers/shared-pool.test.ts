import { expect, it } from 'vitest';

import { Deferred } from '../../src/support/deferred.js';
import { FileWatch } from '../../src/workers/file-watch.js';
import { SharedPool } from '../../src/workers/shared-pool.js';
import type { Worker } from '../../src/workers/worker.js';

const limits = { maxRuns: 3, maxAge: 60_000, maxMemory: 1, idle: 60_000 };
const staying = { files: [], reads: [] };

interface Fake {
  readonly worker: Worker;
  readonly closed: Deferred;
  isClosed: boolean;
}

function fake(pid: number): Fake {
  const closed = new Deferred();
  const one: Fake = { worker: undefined as unknown as Worker, closed, isClosed: false };
  const close = (): void => {
    one.isClosed = true;
    closed.resolve();
  };
  const worker = { pid, ended: new Promise(() => undefined), connection: { closed: closed.promise, close } };
  return Object.assign(one, { worker: worker as unknown as Worker });
}

const wanted = (
  server: Record<string, string> = {},
): { server: Record<string, string>; arrivedAt: number; since: number } => ({
  server,
  arrivedAt: performance.now(),
  since: Date.now(),
});

it('lends the worker that rested last, and each only once', () => {
  const pool = new SharedPool(limits, '/nowhere');
  for (const pid of [1, 2]) {
    pool.adopt(fake(pid).worker, String(pid), wanted()).giveBack(staying);
  }
  expect([pool.take(wanted())?.worker.pid, pool.take(wanted())?.worker.pid, pool.take(wanted())]).toEqual([
    2,
    1,
    undefined,
  ]);
});

it('lets a worker go after its runs', () => {
  const pool = new SharedPool(limits, '/nowhere');
  const one = fake(1);
  pool.adopt(one.worker, '1', wanted()).giveBack(staying);
  pool.take(wanted())?.giveBack(staying);
  expect(one.isClosed).toBe(false);
  pool.take(wanted())?.giveBack(staying);
  expect(one.isClosed).toBe(true);
  expect(pool.take(wanted())).toBeUndefined();
});

it('lets a worker go whose settings have read another request', () => {
  const pool = new SharedPool(limits, '/nowhere');
  const one = fake(1);
  const reads = ['HTTP_USER_AGENT'];
  pool.adopt(one.worker, '1', wanted({ HTTP_USER_AGENT: 'One' })).giveBack({ files: [], reads });
  const again = pool.take(wanted({ HTTP_USER_AGENT: 'One' }));
  expect(again?.worker.pid).toBe(1);
  again?.giveBack({ files: [], reads });
  expect(pool.take(wanted({ HTTP_USER_AGENT: 'Two' }))).toBeUndefined();
  expect(one.isClosed).toBe(true);
});

it('forgets a worker that died, and takes none when it is closed', async () => {
  const pool = new SharedPool(limits, '/nowhere');
  const [one, two] = [fake(1), fake(2)];
  pool.adopt(one.worker, '1', wanted()).giveBack(staying);
  one.closed.resolve();
  await one.closed.promise;
  expect(pool.take(wanted())).toBeUndefined();
  const lent = pool.adopt(two.worker, '2', wanted());
  pool.close();
  lent.giveBack(staying);
  expect(two.isClosed).toBe(true);
});

it('lends a worker that was laid in before there was a job', () => {
  const pool = new SharedPool(limits, '/nowhere');
  const one = fake(1);
  const server = { HTTP_USER_AGENT: 'One' };
  const watch = new FileWatch([], 0);
  pool.lay(one.worker, '1', { server, since: 0, watch, reads: ['HTTP_USER_AGENT'] });
  expect(pool.hasWaiting).toBe(true);
  const lent = pool.take(wanted(server));
  expect(lent?.worker.pid).toBe(1);
  expect(pool.hasWaiting).toBe(false);
  pool.lay(one.worker, '1', { server, since: 0, watch, reads: ['HTTP_USER_AGENT'] });
  expect(pool.take(wanted({ HTTP_USER_AGENT: 'Two' }))).toBeUndefined();
});
