import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Elsewhere } from '../../src/queues/elsewhere.js';
import type { ItemCount } from '../../src/workers/queue-counts.js';

let counts: Map<string, ItemCount>;
let asked: number;
let told: string[];
let queues: Elsewhere;

beforeEach(() => {
  vi.useFakeTimers();
  counts = new Map([['q', 0]]);
  asked = 0;
  told = [];
  queues = new Elsewhere({
    ask: () => {
      asked += 1;
      return Promise.resolve(counts);
    },
    pause: 5_000,
    onPause: (queue, reason, pauseMs) => told.push(`${queue} ${pauseMs}: ${reason}`),
  });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Looks once, with what was asked for. */
async function due(): Promise<string[]> {
  queues.due(['q']);
  await queues.idle();
  return queues.due(['q']);
}

const found = (begun: number, failed = 0): { begun: number; failed: number; reason: string } => ({
  begun,
  failed,
  reason: failed > 0 ? 'because' : '',
});

test('a queue that holds something is worked off at once, as long as a worker finds something', async () => {
  expect(await due()).toEqual([]);
  counts.set('q', 3);
  expect(await due()).toEqual([]);
  vi.advanceTimersByTime(15_000);
  expect(await due()).toEqual(['q']);
  queues.over('q', found(3));
  expect(queues.due(['q'])).toEqual(['q']);
  expect(asked).toBe(2);
});

test('one that says that it holds something and gives nothing is looked at less and less often', async () => {
  counts.set('q', 1);
  expect(await due()).toEqual(['q']);
  for (const wait of [15_000, 30_000, 60_000, 60_000]) {
    queues.over('q', found(0));
    vi.advanceTimersByTime(wait - 1);
    expect(await due()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(await due()).toEqual(['q']);
  }
});

test('one that cannot count is looked at all the same, now and then', async () => {
  expect(await due()).toEqual([]);
  vi.advanceTimersByTime(300_000);
  expect(await due()).toEqual(['q']);
  queues.begun('q');
  expect(await due()).toEqual([]);
});

test('after failures all of it pauses, longer each time that nothing came to its end', async () => {
  counts.set('q', 1);
  expect(await due()).toEqual(['q']);
  for (let times = 0; times < 5; times += 1) {
    queues.over('q', found(1, 1));
    expect(queues.due(['q'])).toEqual([]);
    expect(queues.pauseOf('q')).toBeGreaterThan(0);
    vi.advanceTimersByTime(600_000);
    expect(queues.isReady('q')).toBe(true);
  }
  queues.over('q', found(2, 1));
  expect(told.map((text) => text.replace('q ', ''))).toEqual(
    [5_000, 25_000, 125_000, 600_000, 600_000, 5_000].map((ms) => `${ms}: because`),
  );
  expect([queues.wake('q'), queues.wake('q'), queues.due(['q'])]).toEqual([true, false, ['q']]);
  queues.over('q', found(1));
  expect(queues.pauseOf('q')).toBeUndefined();
});

test('one that cannot be asked is told once, and waits', async () => {
  counts.set('q', { problem: 'no connection' });
  expect(await due()).toEqual([]);
  vi.advanceTimersByTime(15_000);
  expect(await due()).toEqual([]);
  expect(told).toEqual(['q 15000: no connection']);
  counts.set('q', 1);
  vi.advanceTimersByTime(15_000);
  expect(await due()).toEqual(['q']);
});
