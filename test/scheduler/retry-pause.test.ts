import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { RetryPause } from '../../src/scheduler/retry-pause.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it('lets a run begin again after its pause, and not at once when that is longer than a timer can wait for', async () => {
  const over: string[] = [];
  const pauses = new RetryPause(new EventBus(), ({ handle }) => over.push(handle));
  const site = fakeSite('A');
  pauses.add(fakeDispatch(site, 'short'), 1_000);
  pauses.add(fakeDispatch(site, 'long'), 60 * 86_400_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(over).toEqual(['short']);
  expect(pauses.all().map(({ handle }) => handle)).toEqual(['long']);
  pauses.clear();
});
