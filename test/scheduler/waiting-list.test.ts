import { describe, expect, it } from 'vitest';

import type { ServedSite } from '../../src/scheduler/served-site.js';
import { WaitingList } from '../../src/scheduler/waiting-list.js';
import { fakeDispatch, fakeSite } from './dispatches.js';

const a = fakeSite('A');
const b = fakeSite('B');
const c = fakeSite('C');
const any = (): boolean => true;

function listOf(...starts: readonly (readonly [ServedSite, string])[]): WaitingList {
  const list = new WaitingList();
  for (const [site, handle] of starts) {
    list.add(fakeDispatch(site, handle));
  }
  return list;
}

function takeAll(list: WaitingList, mayRun: (site: ServedSite) => boolean = any): string[] {
  const taken: string[] = [];
  for (let next = list.take(mayRun); next; next = list.take(mayRun)) {
    taken.push(next.handle);
  }
  return taken;
}

describe('WaitingList', () => {
  it('is first in, first out within a site', () => {
    expect(takeAll(listOf([a, '1'], [a, '2'], [a, '3']))).toEqual(['1', '2', '3']);
  });

  it('takes higher priorities first, whatever their lane, and of one priority the oldest', () => {
    const priorities: Record<string, number> = { high: 5, low: -1 };
    const list = new WaitingList({
      laneOf: ({ serviceHost }) => serviceHost,
      priorityOf: ({ callback }) => priorities[callback] ?? 0,
    });
    for (const [handle, callback, serviceHost] of [
      ['1', 'low', 'x'],
      ['2', 'any', 'y'],
      ['3', 'high', 'x'],
      ['4', 'any', 'x'],
      ['5', 'high', 'full'],
    ] as const) {
      list.add(fakeDispatch(a, handle, { callback, serviceHost }));
    }
    const taken: string[] = [];
    for (let next = list.take(any, (lane) => lane !== 'full'); next; next = list.take(any, (lane) => lane !== 'full')) {
      taken.push(next.handle);
    }
    expect(taken).toEqual(['3', '2', '4', '1']);
    expect(list.size).toBe(1);
  });

  it('puts back in the order of arrival', () => {
    const starts = ['1', '2', '3', '4', '5'].map((handle) => fakeDispatch(a, handle));
    const list = new WaitingList();
    for (const at of [4, 0, 2, 1, 3]) {
      const start = starts[at];
      if (start) list.putBack(start);
    }
    expect(takeAll(list)).toEqual(['1', '2', '3', '4', '5']);
  });

  it('takes the sites in turn, so that a flood of one does not hold the others back', () => {
    const list = listOf([a, 'a1'], [a, 'a2'], [a, 'a3'], [a, 'a4'], [b, 'b1'], [b, 'b2'], [c, 'c1']);
    expect(takeAll(list)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('does not let a site that emptied its line in between jump the turn', () => {
    const list = listOf([a, 'a1'], [b, 'b1'], [b, 'b2']);
    expect(list.take(any)?.handle).toBe('a1');
    list.add(fakeDispatch(a, 'a2'));
    expect(takeAll(list)).toEqual(['b1', 'a2', 'b2']);
  });

  it('passes over a site that may not run now, without losing its place or its work', () => {
    const list = listOf([a, 'a1'], [b, 'b1'], [b, 'b2']);
    expect(takeAll(list, (site) => site !== a)).toEqual(['b1', 'b2']);
    expect(list.size).toBe(1);
    expect(takeAll(list)).toEqual(['a1']);
  });

  it('puts back in front of all that were accepted later', () => {
    const list = listOf([a, '1'], [a, '2'], [a, '3'], [a, '4']);
    const [first, second] = [list.take(any)!, list.take(any)!];
    list.putBack(second);
    list.putBack(first);
    expect([...list].map(({ handle }) => handle)).toEqual(['1', '2', '3', '4']);
    expect(takeAll(list)).toEqual(['1', '2', '3', '4']);
  });

  it('puts back into an empty line, too', () => {
    const list = listOf([a, '1'], [a, '2']);
    const taken = [list.take(any)!, list.take(any)!];
    for (const dispatch of taken.reverse()) {
      list.putBack(dispatch);
    }
    expect(list.sizeOf(a)).toBe(2);
    expect(takeAll(list)).toEqual(['1', '2']);
  });

  it('counts in all and per site', () => {
    const list = listOf([a, '1'], [a, '2'], [b, '3']);
    expect([list.size, list.sizeOf(a), list.sizeOf(b), list.sizeOf(c)]).toEqual([3, 2, 1, 0]);
    list.putBack(list.take(any)!);
    list.take(any);
    expect([list.size, list.sizeOf(a), list.sizeOf(b)]).toEqual([2, list.sizeOf(a), list.sizeOf(b)]);
    expect(list.sizeOf(a) + list.sizeOf(b)).toBe(2);
    takeAll(list);
    expect(list.size).toBe(0);
    expect(list.take(any)).toBeUndefined();
    expect(list.size).toBe(0);
  });

  it('shows what waits, oldest first within each site, also after some were taken', () => {
    const list = listOf([a, '1'], [a, '2'], [a, '3']);
    list.take(any);
    expect([...list].map(({ handle }) => handle)).toEqual(['2', '3']);
  });

  it('keeps order and number through many thousand starts', () => {
    const list = new WaitingList();
    const expected: string[] = [];
    const taken: string[] = [];
    for (let index = 0; index < 5_000; index += 1) {
      list.add(fakeDispatch(a, String(index)));
      expected.push(String(index));
      if (index % 3 !== 0) {
        taken.push(list.take(any)!.handle);
      }
      if (index % 1_000 === 999) {
        const again = list.take(any)!;
        list.putBack(again);
      }
    }
    expect(list.size).toBe(5_000 - taken.length);
    expect([...list]).toHaveLength(list.size);
    expect([...taken, ...takeAll(list)]).toEqual(expected);
  });
});

describe('WaitingList with priorities', () => {
  const places = {
    laneOf: ({ callback }: { callback: string }) => callback,
    priorityOf: ({ serviceHost }: { serviceHost: string }) => Number(serviceHost),
  };

  function ranked(...starts: readonly (readonly [ServedSite, string, number, string?])[]): WaitingList {
    const list = new WaitingList(places);
    for (const [site, handle, priority, callback = ''] of starts) {
      list.add(fakeDispatch(site, handle, { serviceHost: String(priority), callback }));
    }
    return list;
  }

  it('takes higher ones first, whatever their age, and each level in the order of arrival', () => {
    const list = ranked([a, 'low', -1], [a, '1', 0], [a, 'high1', 5], [a, '2', 0], [a, 'high2', 5]);
    expect([...list].map(({ handle }) => handle)).toEqual(['high1', 'high2', '1', '2', 'low']);
    expect(takeAll(list)).toEqual(['high1', 'high2', '1', '2', 'low']);
  });

  it('takes the sites in turn within a priority, and a high one of any site before them', () => {
    const list = ranked([a, 'a1', 0], [a, 'a2', 0], [b, 'b1', 0], [b, 'b2', 0], [a, 'a-high', 1]);
    expect(list.take(any)?.handle).toBe('a-high');
    expect(list.take(any)?.handle).toBe('a1');
    list.add(fakeDispatch(c, 'c-high', { serviceHost: '1', callback: '' }));
    expect(takeAll(list)).toEqual(['c-high', 'b1', 'a2', 'b2']);
  });

  it('lets a lower one run where the higher ones may not', () => {
    const list = ranked([a, 'full1', 9, 'full'], [a, 'full2', 9, 'full'], [a, 'low', 0]);
    const next = list.take(any, (lane) => lane !== 'full');
    expect(next?.handle).toBe('low');
    expect(list.take(any, (lane) => lane !== 'full')).toBeUndefined();
    expect(takeAll(list)).toEqual(['full1', 'full2']);
  });

  it('puts back among those of its priority, takes out and counts', () => {
    const list = ranked([a, 'high1', 1], [a, 'high2', 1], [a, 'low', 0]);
    const first = list.take(any)!;
    list.putBack(first);
    const [, , low] = [...list];
    expect([list.remove(low!), list.remove(low!), list.size, list.sizeOf(a)]).toEqual([true, false, 2, 2]);
    expect(list.firstOnes(1).map(({ handle }) => handle)).toEqual(['high1']);
    expect(list.clear().map(({ handle }) => handle)).toEqual(['high1', 'high2']);
    expect([list.size, list.take(any)]).toEqual([0, undefined]);
  });
});
