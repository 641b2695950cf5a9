import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { MinuteTick } from '../../src/cron/minute-tick.js';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-05-01T10:00:20Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

const ticks: string[] = [];

function started(): MinuteTick {
  ticks.length = 0;
  const tick = new MinuteTick(() => ticks.push(new Date().toISOString()));
  tick.start();
  return tick;
}

it('calls back at the begin of each minute', async () => {
  const tick = started();
  await vi.advanceTimersByTimeAsync(40_000 + 60_000);
  expect(ticks).toEqual(['2026-05-01T10:01:00.000Z', '2026-05-01T10:02:00.000Z']);
  await tick.stop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(ticks).toHaveLength(2);
});

it('does not make up for what a clock that is set forward by decades has left out', async () => {
  vi.setSystemTime(0);
  const tick = started();
  vi.setSystemTime(Date.parse('2026-05-01T10:00:20Z'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ticks).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ticks.at(-1)).toBe('2026-05-01T10:02:00.000Z');
  await tick.stop();
});

it('waits for the minute where the clock was set back', async () => {
  const tick = started();
  vi.setSystemTime(Date.parse('2026-05-01T09:00:30Z'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ticks).toEqual([]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(ticks).toEqual(['2026-05-01T09:02:00.000Z']);
  await tick.stop();
});
