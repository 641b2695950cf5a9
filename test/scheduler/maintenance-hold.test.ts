import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { MaintenanceHold } from '../../src/scheduler/maintenance-hold.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

let variable: () => Promise<unknown>;
let site: ServedSite;
let hold: MaintenanceHold;
let released: string[];
let counts: number[];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  variable = () => Promise.resolve(1);
  site = fakeSite('A', { core: { variable: () => variable() } });
  released = [];
  counts = [];
  const bus = new EventBus();
  bus.on('maintenance.released', ({ count }) => counts.push(count));
  hold = new MaintenanceHold(bus, ({ handle }) => released.push(handle));
  hold.start();
});

afterEach(() => {
  hold.stop();
  vi.useRealTimers();
});

function add(...handles: string[]): void {
  for (const handle of handles) {
    hold.add(fakeDispatch(site, handle));
  }
}

describe('MaintenanceHold', () => {
  it.each([1, '1', true])('holds everything while the variable is %j', async (value) => {
    variable = () => Promise.resolve(value);
    add('1', '2');
    await vi.advanceTimersByTimeAsync(600_000);
    expect(released).toEqual([]);
    expect(hold.sizeOf(site)).toBe(2);
    expect(hold.all().map(({ handle }) => handle)).toEqual(['1', '2']);
  });

  it.each([0, '0', false, undefined])('lets all go, in order, once it has become %j', async (value) => {
    add('1', '2', '3');
    await vi.advanceTimersByTimeAsync(2_000);
    variable = () => Promise.resolve(value);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(released).toEqual(['1', '2', '3']);
    expect(counts).toEqual([3]);
    expect(hold.sizeOf(site)).toBe(0);
    expect(hold.all()).toEqual([]);
  });

  it('takes a database that does not answer as "still offline"', async () => {
    variable = () => Promise.reject(new Error('gone'));
    add('1');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(released).toEqual([]);
  });

  it('tries one start where the variable never said "offline", and then lets the rest go', async () => {
    variable = () => Promise.resolve(undefined);
    add('1', '2', '3');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(released).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(released).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(released).toEqual(['1', '2', '3']);
    expect(counts).toEqual([1, 2]);
  });

  it('tries again after longer and longer pauses while each tried start comes back', async () => {
    variable = () => Promise.resolve(undefined);
    add('1', '2');
    const tries: number[] = [];
    for (let second = 1; second <= 300; second += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      for (const handle of released.splice(0)) {
        tries.push(second);
        add(handle);
      }
    }
    expect(hold.sizeOf(site)).toBe(2);
    expect(tries.length).toBeGreaterThan(4);
    const pauses = tries.slice(1).map((second, index) => second - (tries[index] ?? 0));
    expect(pauses[0]).toBeLessThanOrEqual(6);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(61);
    expect(pauses.at(-1)).toBeGreaterThan(30);
  });

  it('keeps sites apart', async () => {
    const other = fakeSite('B', { core: { variable: () => Promise.resolve(1) } });
    add('a');
    hold.add(fakeDispatch(other, 'b'));
    await vi.advanceTimersByTimeAsync(1_000);
    variable = () => Promise.resolve(0);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(released).toEqual(['a']);
    expect([hold.sizeOf(site), hold.sizeOf(other)]).toEqual([0, 1]);
  });

  it('looks no more after it was stopped', async () => {
    add('1');
    await vi.advanceTimersByTimeAsync(1_000);
    hold.stop();
    variable = () => Promise.resolve(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(released).toEqual([]);
  });
});
