import { describe, expect, it } from 'vitest';

import { Lanes, type LaneLimits } from '../../src/scheduler/lanes.js';
import { WaitingList } from '../../src/scheduler/waiting-list.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

const site = fakeSite('A');

type Numbers = Record<string, number>;

function limits(hosts: Numbers, callbacks: Numbers): LaneLimits {
  return { hosts, callbacks };
}

describe('Lanes', () => {
  const lanes = (): Lanes => new Lanes(limits({ batch: 1 }, { 'feeds_*': 2, feeds_import: 1 }));

  it('have room until their limit is reached', () => {
    const all = lanes();
    const start = { handle: 'h', serviceHost: 'default', callback: 'feeds_import' };
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
    all.enter({ handle: 'h', serviceHost: 'batch', callback: 'other' });
    expect(all.hasRoom(all.laneOf({ handle: 'h', serviceHost: 'batch', callback: 'feeds_import' }))).toBe(false);
    expect(all.hasRoom(all.laneOf({ handle: 'h', serviceHost: 'default', callback: 'feeds_import' }))).toBe(true);
    expect(all.hasRoom(all.laneOf({ handle: 'h', serviceHost: 'default', callback: 'other' }))).toBe(true);
  });

  it('take service hosts by pattern: those of one share its number', () => {
    const all = new Lanes(limits({ www1: 2, 'www*': 1 }, {}));
    const start = { handle: 'h', serviceHost: 'www2', callback: 'other' };
    all.enter(start);
    expect(all.hasRoom(all.laneOf({ ...start, serviceHost: 'www3' }))).toBe(false);
    expect(all.hasRoom(all.laneOf({ ...start, serviceHost: 'www1' }))).toBe(true);
    expect(all.hasRoom(all.laneOf({ ...start, serviceHost: 'xwww3' }))).toBe(true);
  });

  it('tell whether a service host and a pattern of callbacks have room for one more', () => {
    const all = new Lanes(limits({ 'www*': 1 }, { feeds: 1 }));
    all.enter({ handle: 'h', serviceHost: 'www1', callback: 'other' });
    expect(all.hasRoomFor('www2', undefined)).toBe(false);
    expect(all.hasRoomFor('default', 'feeds')).toBe(true);
    all.enter({ handle: 'h', serviceHost: 'default', callback: 'feeds' });
    expect(all.hasRoomFor('default', 'feeds')).toBe(false);
    expect(all.hasRoomFor('default', undefined)).toBe(true);
  });

  it('take processes of drupald by their handle, too', () => {
    const all = new Lanes(limits({}, { 'drupald_queue:*:mail': 1 }));
    const start = { handle: 'drupald_queue:3:mail', serviceHost: 'default', callback: 'drupald_queue' };
    const other = { ...start, handle: 'drupald_queue:3:index' };
    all.enter(start);
    expect(all.hasRoom(all.laneOf({ ...start, handle: 'drupald_queue:4:mail' }))).toBe(false);
    expect(all.hasRoom(all.laneOf(other))).toBe(true);
    // A process of the site may have any handle.
    expect(all.hasRoom(all.laneOf({ ...start, callback: 'other' }))).toBe(true);
  });

  it('count a start against the pattern of the pool as well, and tell of one without a start', () => {
    const all = new Lanes({ hosts: { batch: 1 }, callbacks: { 'feeds_*': 2 }, pool: { feeds_import: 1 } });
    const start = { handle: 'h', serviceHost: 'batch', callback: 'feeds_import' };
    expect(all.hasRoomFor('batch', 'feeds_*')).toBe(true);
    all.enter(start);
    expect(all.hasRoom(all.laneOf({ ...start, serviceHost: 'other' }))).toBe(false);
    expect(all.hasRoom(all.laneOf({ ...start, serviceHost: 'other', callback: 'feeds_clear' }))).toBe(true);
    expect(all.hasRoomFor('batch', undefined)).toBe(false);
    expect(all.hasRoomFor('other', 'feeds_*')).toBe(true);
    all.enter({ ...start, serviceHost: 'other', callback: 'feeds_clear' });
    expect(all.hasRoomFor('other', 'feeds_*')).toBe(false);
  });

  it('know which starts need no slot', () => {
    const all = new Lanes(limits({ batch: 1 }, { '*': 1 }));
    const hook = { handle: 'drupald_cron:search', serviceHost: 'batch', callback: 'drupald_cron_hook' };
    all.enter({ handle: 'drupald_cron', serviceHost: 'batch', callback: 'drupald_core_cron' });
    all.enter(hook);
    expect(all.slotsUsed).toBe(1);
    expect(all.mayRun(all.laneOf(hook), 1)).toBe(true);
    const other = { ...hook, serviceHost: 'default', callback: 'search_cron' };
    expect(all.mayRun(all.laneOf(other), 1)).toBe(false);
    all.leave({ ...hook, callback: 'drupald_core_cron' });
    expect(all.mayRun(all.laneOf(other), 1)).toBe(true);
    all.enter(other);
    // Its pattern has no room for another, whatever the number of slots is.
    expect(all.mayRun(all.laneOf(other), 9)).toBe(false);
    expect(all.mayRun(all.laneOf(hook), 1)).toBe(true);
  });
});

describe('a waiting list with lanes', () => {
  it('passes over a full lane and keeps its order', () => {
    const lanes = new Lanes(limits({}, { slow: 1 }));
    const list = new WaitingList({ laneOf: (one) => lanes.laneOf(one), priorityOf: () => 0 });
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
    lanes.leave({ handle: 'h', serviceHost: 'default', callback: 'slow' });
    expect([take(), take()]).toEqual(['s2', undefined]);
  });
});
