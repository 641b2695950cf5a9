import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { RunRecord } from '../../src/scheduler/run-record.js';
import { watchLimits } from '../../src/scheduler/watch-limits.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

const day = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function claimedNow(): RunRecord {
  const record = new RunRecord(fakeDispatch(fakeSite('A'), 'long'));
  record.follow({ type: 'claimed', stamp: '1.5', lock: '', listeners: 0, connections: [] });
  return record;
}

it('waits for a limit that is longer than a timer can', async () => {
  const record = claimedNow();
  const unwatch = watchLimits(record, { time: 60 * day, memory: undefined, output: undefined }, 10, new EventBus());
  await vi.advanceTimersByTimeAsync(59 * day);
  expect(record.stopped).toBeUndefined();
  await vi.advanceTimersByTimeAsync(day);
  expect(record.stopped?.kind).toBe('timed-out');
  unwatch();
});

it('ends the watch also behind its first timer', async () => {
  const record = claimedNow();
  const unwatch = watchLimits(record, { time: 60 * day, memory: undefined, output: undefined }, 10, new EventBus());
  await vi.advanceTimersByTimeAsync(30 * day);
  unwatch();
  await vi.advanceTimersByTimeAsync(60 * day);
  expect(record.stopped).toBeUndefined();
});
