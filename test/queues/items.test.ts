import { describe, expect, test } from 'vitest';

import { pauseAfter } from '../../src/queues/item-keeper.js';
import { readItemStep } from '../../src/process/item-step.js';
import { MemoryBook } from '../../src/queues/memory-book.js';

test('pauses grow, from a second to an hour', () => {
  expect([1, 2, 3, 4, 5, 9].map((failures) => pauseAfter(failures, 5_000))).toEqual([5, 25, 125, 625, 3125, 3600]);
  expect(pauseAfter(1, 50)).toBe(1);
});

test.each([
  ['7 1700 1600', { id: 7, claim: 1700, created: 1600, what: 'begun', reason: '', lease: 1700 }],
  ['7 1700 1600 .', { id: 7, claim: 1700, created: 1600, what: 'ran', reason: '', lease: 1700 }],
  ['7 1700 1600 !two\nlines', { id: 7, claim: 1700, created: 1600, what: 'failed', reason: 'two\nlines', lease: 1700 }],
  ['7 1700 1600 ~', { id: 7, claim: 1700, created: 1600, what: 'exits', reason: '', lease: 1700 }],
  ['7 1700 1600 =1760', { id: 7, claim: 1700, created: 1600, what: 'leased', reason: '', lease: 1760 }],
  // Kept elsewhere, through, and what a module of the site is called.
  ['abc 0 0', undefined],
  ['7 0 0', undefined],
  ['', undefined],
  ['system', undefined],
])('the step %j is read', (step, item) => {
  expect(readItemStep(step)).toEqual(item);
});

describe('failures in memory', () => {
  const item = {
    queue: 'q',
    created: 1,
    failures: 1,
    aside: false,
    reason: '',
    failed: 1,
    until: 50,
    lease: 52,
    claim: 9,
  };

  test('pauses end in time, what is aside stays', async () => {
    const book = new MemoryBook();
    await book.save({ ...item, id: 1 });
    await book.save({ ...item, id: 2, until: 40 });
    await book.save({ ...item, id: 3, aside: true, until: 10 });
    expect(await book.next()).toBe(40);
    expect((await book.due(45, 9)).map(({ id }) => id)).toEqual([2]);
    await book.save({ ...item, id: 2, lease: 0 });
    await book.forget([1]);
    expect(await book.next()).toBeUndefined();
    expect((await book.list('q', 9)).map(({ id }) => id)).toEqual([2, 3]);
    expect(await book.list('other', 9)).toEqual([]);
  });

  test('the oldest are forgotten when there are too many', async () => {
    const book = new MemoryBook();
    for (let id = 0; id <= 10_000; id += 1) {
      await book.save({ ...item, id });
    }
    expect(await book.get(0)).toBeUndefined();
    expect(await book.get(1)).toBeDefined();
  });
});
