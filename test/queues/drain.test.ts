import { beforeEach, expect, test } from 'vitest';

import { Drain, type FailureKeeper, type ItemRows } from '../../src/queues/drain.js';
import type { Ending } from '../../src/outcome/past-runs.js';
import type { ProcessRow } from '../../src/store/process-store.js';
import type { QueueItemRow } from '../../src/store/queue-table.js';
import { ending } from '../outcome/history-fakes.js';

const row: QueueItemRow = { id: 5, queue: 'q', created: 90, expire: 100 };

let rows: QueueItemRow[];
let told: string[];

beforeEach(() => {
  rows = [row];
  told = [];
});

const table: ItemRows = {
  get: (id) => Promise.resolve(rows.find((one) => one.id === id)),
  move: (item, expire) => {
    const found = rows.find(({ id, expire: now }) => id === item.id && now === item.expire);
    rows = rows.map((one) => (one === found ? { ...one, expire } : one));
    return Promise.resolve(found !== undefined);
  },
  remove: ({ id }) => {
    told.push(`removed ${id}`);
    return Promise.resolve(true);
  },
};

const keeper: FailureKeeper = {
  processes: {
    ofHandle: (handle) => Promise.resolve({ handle } as ProcessRow),
    putBack: (process) => {
      told.push(`put back ${process?.handle ?? ''}`);
      return Promise.resolve(false);
    },
    end: (process, { kind }) => {
      told.push(`ended ${process?.handle ?? ''} ${kind}`);
      return Promise.resolve();
    },
  },
  fail: ({ id, claim, expire }, reason) => {
    told.push(`failed ${id} ${claim} ${expire}: ${reason}`);
    return Promise.resolve();
  },
  finish: ({ id }) => {
    told.push(`finished ${id}`);
    return Promise.resolve();
  },
};

const drain = (processes = false): Drain => new Drain({ queue: 'q', handle: 'h', processes });

const dead = (steps: readonly string[], outcome: Ending['run']['outcome'] = 'signalled'): Ending => ({
  ...ending('run', 1, { outcome, sentence: 'It is dead.' }),
  steps,
});

test('an item that its worker dies in has failed', async () => {
  await drain().over(dead(['4 99 90', '4 99 90 .', '5 100 90']), keeper, table);
  expect(told).toEqual(['failed 5 100 100: It is dead.']);
});

test('one that ran is removed, also when its lease has ended and nobody has it', async () => {
  rows = [{ ...row, expire: 0 }];
  await drain().over(dead(['5 100 90', '5 100 90 .']), keeper, table);
  expect(told).toEqual(['removed 5']);
});

test('nothing is done about an item that somebody else has claimed, or that is another by now', async () => {
  for (const change of [{ expire: 130 }, { created: 91 }, { queue: 'other' }]) {
    rows = [{ ...row, ...change }];
    await drain().over(dead(['5 100 90']), keeper, table);
    await drain().over(dead(['5 100 90', '5 100 90 .']), keeper, table);
  }
  expect(told).toEqual([]);
});

test('of two workers that have tried to claim it at the same second, the one that says so lives', async () => {
  const other = drain();
  await other.follow(['5 100 90'], keeper, table);
  await drain().over(dead(['5 100 90']), keeper, table, (item) => other.says(item));
  expect(told).toEqual([]);
});

test('a lease is written down before it is moved, and is known again by that', async () => {
  const steps: string[] = ['5 100 90'];
  const one = drain();
  await one.follow(steps, keeper, table);
  await one.renew(table, 60_000, (step) => steps.push(step));
  const renewed = rows[0]?.expire ?? 0;
  expect(renewed).toBeGreaterThan(100);
  expect(steps).toEqual(['5 100 90', `5 100 90 =${renewed}`]);
  // Another daemon, once with the move done and once without.
  await drain().over(dead(steps), keeper, table);
  rows = [row];
  await drain().over(dead(steps), keeper, table);
  expect(told).toEqual([`failed 5 100 ${renewed}: It is dead.`, 'failed 5 100 100: It is dead.']);
});

test('a lease that ended while no daemon was there is taken again, unless somebody else has the item', async () => {
  for (const [expire, renewed] of [
    [0, true],
    [130, false],
  ] as const) {
    rows = [{ ...row, expire }];
    const one = drain();
    await one.follow(['5 100 90'], keeper, table);
    await one.renew(table, 60_000, () => undefined);
    expect(rows[0]?.expire !== expire).toBe(renewed);
  }
});

test.each([
  ['ran', ['5 100 90', '5 100 90 .'], 'signalled', 'finished 5'],
  ['ended PHP, and its parent saw that it was well', ['5 100 90', '5 100 90 ~'], 'completed', 'finished 5'],
  ['ended PHP, and nobody saw with which code', ['5 100 90', '5 100 90 ~'], 'lost', 'finished 5'],
  ['ended PHP with a code', ['5 100 90', '5 100 90 ~'], 'exited', 'failed 5 100 100: It is dead.'],
  ['died', ['5 100 90'], 'lost', 'failed 5 100 100: It is dead.'],
] as const)('a process that %s', async (_, steps, outcome, done) => {
  await drain(true).over(dead(steps, outcome), keeper, table);
  expect(told).toEqual([done]);
});

test('what failed is told once of one claim, and not of an item that somebody else has by now', async () => {
  const one = drain();
  await one.follow(['5 100 90', '5 100 90 !because'], keeper, table);
  expect(told).toEqual(['failed 5 100 100: because']);
  rows = [{ ...row, expire: 130 }];
  // The next daemon reads it again.
  await drain().follow(['5 100 90', '5 100 90 !because', '6 131 90'], keeper, table);
  expect(told).toHaveLength(1);
});

test.each([
  ['ran', ['7 0 0', '7 0 0 .', ''], { begun: 1, failed: 0 }, []],
  ['failed', ['7 0 0', '7 0 0 !because', '8 0 0', '8 0 0 .', ''], { begun: 2, failed: 1, reason: 'because' }, []],
  ['was begun by one that died', ['7 0 0'], { begun: 1, failed: 1, reason: 'It is dead.' }, []],
  ['ended PHP', ['7 0 0', '7 0 0 ~'], { begun: 1, failed: 1 }, []],
  ['stands for a process that died', ['7 0 0 @one', '8 0 0 @two'], { begun: 2, failed: 1 }, ['put back two']],
  ['stands for a process that ran', ['7 0 0 @one', '7 0 0 .'], { failed: 0 }, ['ended one completed']],
  ['stands for a process that ended PHP', ['7 0 0 @one', '7 0 0 ~'], { failed: 0 }, ['ended one completed']],
])('an item that is kept elsewhere and %s is counted', async (_, steps, counts, done) => {
  const one = drain();
  await one.over(dead(steps), keeper, table);
  expect(one.elsewhere).toMatchObject(counts);
  expect(told).toEqual(done);
});
