import { expect, test } from 'vitest';
import { EventBus } from '../../src/events/bus.js';
import { settleDead, type SettleTools, type Unsettled } from '../../src/outcome/settle.js';
import type { ProcessStore } from '../../src/store/process-store.js';
import type { Connection } from '../../src/workers/connection.js';
import type { Worker } from '../../src/workers/worker.js';

type Helper = readonly object[] | 'cannot be forked';

/** Helpers that say something each and are dead then; a row that statements may delete; how many helpers were asked for. */
function place(
  helpers: readonly Helper[],
  away = false,
): { tools: SettleTools; asked: () => number; finished: readonly string[]; freed: readonly string[] } {
  let next = 0;
  const finished: string[] = [];
  const freed: string[] = [];
  const worker = (): Promise<Worker> => {
    const says = helpers[next] ?? [];
    next += 1;
    if (says === 'cannot be forked') {
      return Promise.reject(new Error('the process that forks has ended'));
    }
    const connection = {
      onMessage: (listener: (message: unknown) => void) => {
        says.forEach(listener);
      },
      send: () => undefined,
      close: () => undefined,
      closed: Promise.resolve(),
    } as unknown as Connection;
    return Promise.resolve({
      pid: 4_000_000,
      connection,
      ended: Promise.resolve({ code: undefined, signal: 'SIGKILL', seen: true }),
      kill: () => undefined,
    });
  };
  const store = {
    get: () => (away ? Promise.reject(new Error('away')) : Promise.resolve(undefined)),
    endProgress: (handle: string) => {
      finished.push(handle);
      return Promise.resolve();
    },
    remove: () => Promise.resolve(true),
  } as unknown as ProcessStore;
  return {
    asked: () => next,
    finished,
    freed,
    tools: {
      source: { worker, start: () => Promise.resolve(), stop: () => Promise.resolve() },
      place: { root: '/nowhere', env: {}, umask: '0022', logs: '/nowhere', logLimit: 1 },
      store,
      core: { writeLog: () => Promise.resolve() },
      bus: new EventBus(),
      freeLocks: (lock) => {
        freed.push(lock);
        return Promise.resolve();
      },
      timeout: 10_000,
    },
  };
}

const dead = {
  id: 'run',
  uri: new URL('http://site.test') as unknown as Unsettled['uri'],
  handle: 'handle',
  callback: 'callback',
  stamp: '1.000000',
  outcome: { kind: 'lost', sentence: 'It is gone.' },
  endedAt: 2,
  hook: true,
} as Unsettled;

const done = [
  { type: 'hook', state: 'begun' },
  { type: 'hook', state: 'done' },
  { type: 'settled', row: 'deleted', hook: 'done' },
];

const noDatabase = [{ type: 'boot-failed', cause: 'threw', message: 'gone away', database: true }];

test.each<[string, Helper]>([
  ['was killed before it said a word', []],
  ['could not be forked', 'cannot be forked'],
])('a helper that %s is followed by another, who tells the hook', async (_, first) => {
  const { tools, asked } = place([first, done]);
  expect(await settleDead(tools, dead)).toEqual({ row: 'deleted', hook: 'done', by: 'site' });
  expect(asked()).toBe(2);
});

test('the progress of a run that completed by exit() is ended, also when that had to wait for the database', async () => {
  const { tools, finished } = place([done]);
  await settleDead(tools, { ...dead, outcome: { kind: 'completed', sentence: '' } });
  expect(finished).toEqual(['handle']);
});

test('a hook that has begun is not told by another helper', async () => {
  const { tools, asked } = place([[{ type: 'hook', state: 'begun' }], done]);
  expect(await settleDead(tools, dead)).toEqual({ row: 'deleted', hook: 'interrupted', by: 'daemon' });
  expect(asked()).toBe(1);
});

test('a site that does not boot is asked once', async () => {
  const { tools, asked } = place([[{ type: 'boot-failed', cause: 'fatal', message: 'broken' }], done]);
  expect(await settleDead(tools, dead)).toEqual({ row: 'deleted', hook: 'not-told', by: 'daemon' });
  expect(asked()).toBe(1);
});

test('while the database is away everything is left for later', async () => {
  const { tools } = place([[], done], true);
  await expect(settleDead(tools, dead)).rejects.toThrow('away');
});

// Statements of the daemon's own would get through where a helper does not, and could not tell the hook.
test.each<[string, Helper, string]>([
  ['finds no connection', noDatabase, 'gone away'],
  ['waits in vain for a row', [{ type: 'unsettled', message: 'Lock wait timeout' }], 'Lock wait timeout'],
])('a helper that %s leaves everything for later', async (_, helper, reason) => {
  const { tools, asked } = place([helper, done]);
  await expect(settleDead(tools, dead)).rejects.toThrow(reason);
  expect(asked()).toBe(1);
});

test('where no helper can be forked at all everything is left for later', async () => {
  const { tools } = place(['cannot be forked', 'cannot be forked', 'cannot be forked']);
  await expect(settleDead(tools, dead)).rejects.toThrow('the process that forks has ended');
});

test('locks that a helper could not remove are removed by the daemon', async () => {
  const { tools, freed } = place([[{ type: 'settled', row: 'deleted', hook: 'none', locks: 'kept' }]]);
  await settleDead(tools, { ...dead, lock: 'lock', hook: false });
  expect(freed).toEqual(['lock']);
});

test('helpers that die again and again end in statements', async () => {
  const { tools, asked } = place([[], [], [], done]);
  expect(await settleDead(tools, dead)).toEqual({ row: 'deleted', hook: 'not-told', by: 'daemon' });
  expect(asked()).toBe(3);
});
