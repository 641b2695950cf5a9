import { describe, expect, test } from 'vitest';

import { chooseDrains, planQueues } from '../../src/queues/queue-plan.js';

const fact = (name: string, change: object = {}) => ({
  name,
  seconds: 15,
  skip: false,
  table: true,
  class: 'SystemQueue',
  unusable: '',
  processes: false,
  ...change,
});

describe('which queues are worked off', () => {
  test('four workers for processes, one for others, unless it is set', () => {
    const plan = planQueues(
      [fact('background_process', { processes: true }), fact('feeds'), fact('feeds_push'), fact('mails')],
      { 'feeds_*': 3, mails: 0 },
      undefined,
    );
    expect(plan.map(({ limit, reason }) => [limit, reason])).toEqual([
      [4, undefined],
      [1, undefined],
      [3, undefined],
      [0, 'queues.slots: 0'],
    ]);
  });

  test('one that cron has to skip needs an entry of its very name', () => {
    const skipped = [fact('one', { skip: true }), fact('two', { skip: true })];
    expect(planQueues(skipped, { '*': 2, two: 1 }, undefined).map(({ limit, reason }) => [limit, reason])).toEqual([
      [0, 'skip on cron'],
      [2, undefined],
    ]);
  });

  test('none that nobody can work off', () => {
    const plan = planQueues([fact('one', { table: false, unusable: 'of batches' })], { one: 2 }, undefined);
    expect(plan).toMatchObject([{ limit: 0, reason: 'of batches' }]);
  });

  test('none where they are switched off', () => {
    expect(planQueues([fact('one')], { one: 5 }, 'queues: off')).toMatchObject([{ limit: 0, reason: 'queues: off' }]);
  });
});

describe('which workers begin', () => {
  const queues = [
    { name: 'long', limit: 4 },
    { name: 'short', limit: 1 },
  ];
  const choose = (waiting: object, running: object, room: number): string[] =>
    chooseDrains(queues, new Map(Object.entries(waiting)), new Map(Object.entries(running)), room).map(
      ({ name }) => name,
    );

  test('the queues in turn, so that a long one leaves room for the others', () => {
    expect(choose({ long: 4, short: 1 }, {}, 2)).toEqual(['long', 'short']);
    expect(choose({ long: 4, short: 1 }, {}, 9)).toEqual(['long', 'short', 'long', 'long', 'long']);
  });

  test('the queue with the fewest workers first, whatever their order', () => {
    expect(choose({ long: 4, short: 1 }, { long: 3 }, 1)).toEqual(['short']);
  });

  test('of queues with as many workers that which has waited longest', () => {
    const both = new Map([
      ['long', 4],
      ['short', 1],
    ]);
    const next = (begun: [string, number][]): string | undefined =>
      chooseDrains(queues, both, new Map(), 1, new Map(begun))[0]?.name;
    expect([
      next([['long', 2]]),
      next([
        ['long', 2],
        ['short', 1],
      ]),
      next([
        ['long', 1],
        ['short', 2],
      ]),
    ]).toEqual(['short', 'short', 'long']);
  });

  test('never more than the limit, than there are items, or than there is room for', () => {
    expect(choose({ long: 4, short: 1 }, { long: 3, short: 1 }, 9)).toEqual(['long']);
    expect(choose({ long: 2 }, {}, 9)).toEqual(['long', 'long']);
    expect(choose({ long: 4 }, {}, -1)).toEqual([]);
    expect(choose({}, {}, 9)).toEqual([]);
  });
});
