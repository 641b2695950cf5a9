import { afterEach, describe, expect, it, vi } from 'vitest';

import { dispatchKey } from '../../src/scheduler/dispatch.js';
import { RunRecord } from '../../src/scheduler/run-record.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

afterEach(() => {
  vi.useRealTimers();
});

const dispatch = fakeDispatch(fakeSite('A'), 'job');

describe('RunRecord', () => {
  it('starts at "starting" and goes through the legal states', () => {
    const record = new RunRecord(dispatch);
    expect(record.state).toBe('starting');
    for (const state of ['running', 'closing', 'settling', 'ended'] as const) {
      record.move(state);
      expect(record.state).toBe(state);
    }
  });

  it('takes a move to where it stands as no move', () => {
    const record = new RunRecord(dispatch);
    record.move('running');
    record.move('running');
    expect(record.state).toBe('running');
  });

  it('refuses an illegal move loudly and stays where it is', () => {
    const record = new RunRecord(dispatch);
    record.move('running');
    expect(() => record.move('waiting')).toThrow('a run cannot go from running to waiting');
    expect(record.state).toBe('running');
  });

  it.each([0, 3_600_000, -3_600_000])('measures how long it waited and ran when the clock is set by %d ms', (step) => {
    vi.useFakeTimers({ now: 10_000_000 });
    const arrivedAt = performance.now();
    vi.advanceTimersByTime(3_500);
    vi.setSystemTime(Date.now() + step);
    const record = new RunRecord({ ...dispatch, acceptedAt: 10_000_000, arrivedAt });
    expect(record.waitedMs).toBe(3_500);
    expect(record.ranMs).toBe(0);
    const stamp = Date.now() / 1000;
    record.follow({ type: 'claimed', stamp: stamp.toFixed(6), lock: '', listeners: 0, connections: [] });
    vi.advanceTimersByTime(3_000);
    vi.setSystemTime(Date.now() + step);
    expect(record.ranMs).toBe(3_000);
    expect(record.endedAt()).toBeGreaterThan(stamp);
    expect(record.endedAt(stamp - 1)).toBe(stamp + 3);
    expect(record.endedAt(stamp + 1)).toBe(stamp + 1);
  });
});

describe('dispatchKey', () => {
  it('differs between starts of one handle and between handles', () => {
    const keys = [
      dispatchKey({ handle: 'a', stamp: '1.0' }),
      dispatchKey({ handle: 'a', stamp: '2.0' }),
      dispatchKey({ handle: 'A', stamp: '1.0' }),
      dispatchKey({ handle: '0 a', stamp: '1.' }),
    ];
    expect(new Set(keys).size).toBe(4);
    expect(dispatchKey({ handle: 'a', stamp: '1.0' })).toBe(keys[0]);
  });
});
