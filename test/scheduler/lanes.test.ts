import { describe, expect, it } from 'vitest';

import { Lanes } from '../../src/scheduler/lanes.js';
import { WaitingList } from '../../src/scheduler/waiting-list.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

const site = fakeSite('A');

describe('Lanes', () => {
  const lanes = (): Lanes => new Lanes({ hosts: { batch: 1 }, callbacks: { 'feeds_*': 2, feeds_import: 1 } });

  it('have room until their limit is reached', () => {
    const all = lanes();
    const start = { serviceHost: 'default', callback: 'feeds_import' };
    const lane = all.laneOf(start);
    all.enter(start);
    expect(all.hasRoom(lane)).toBe(true);
    all.enter(start);
    expect(all.hasRoom(lane)).toBe(false);
    all.leave(start);
    expect(all.hasRoom(lane)).toBe(true);
  });

  it('count a start against its service host and its callback', () => {
    const all = lanes();
    all.enter({ serviceHost: 'batch', callback: 'other' });
    expect(all.hasRoom(all.laneOf({ serviceHost: 'batch', callback: 'feeds_import' }))).toBe(false);
    expect(all.hasRoom(all.laneOf({ serviceHost: 'default', callback: 'feeds_import' }))).toBe(true);
    expect(all.hasRoom(all.laneOf({ serviceHost: 'default', callback: 'other' }))).toBe(true);
  });
});

describe('a waiting list with lanes', () => {
  it('passes over a full lane and keeps its order', () => {
    const lanes = new Lanes({ hosts: {}, callbacks: { slow: 1 } });
    const list = new WaitingList((dispatch) => lanes.laneOf(dispatch));
    for (const [handle, callback] of [
      ['s1', 'slow'],
      ['s2', 'slow'],
      ['q1', 'quick'],
      ['s3', 'slow'],
      ['q2', 'quick'],
    ] as const) {
      list.add(fakeDispatch(site, handle, { callback }));
    }
    const take = (): string | undefined => {
      const next = list.take(
        () => true,
        (lane) => lanes.hasRoom(lane),
      );
      if (next) lanes.enter(next);
      return next?.handle;
    };
    expect([take(), take(), take(), take()]).toEqual(['s1', 'q1', 'q2', undefined]);
    expect(list.size).toBe(2);
    lanes.leave({ serviceHost: 'default', callback: 'slow' });
    expect([take(), take()]).toEqual(['s2', undefined]);
  });
});
