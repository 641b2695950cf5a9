import { describe, expect, it } from 'vitest';

import { chooseUntaken, SeenRows } from '../../src/pool/untaken.js';
import type { ProcessRow } from '../../src/store/process-store.js';

const now = 1_800_000_000;
const patience = { takeOver: 5, shareAfter: 1, connectionTimeout: 2 };

function row(handle: string, age: number, changes: Partial<ProcessRow> = {}): ProcessRow {
  const fields = { token: 't', callback: 'run', uid: 0, serviceHost: 'www1', status: 1 };
  return { handle, ...fields, stamp: (now - age).toFixed(6), ...changes };
}

function choose(sent: ProcessRow[], waiting: ProcessRow[], free: number, seen = 2_000, rules = patience): string[] {
  const found = { sent, waiting, busy: [], seenFor: () => seen, now, mayBegin: () => true };
  return chooseUntaken(found, rules, free).map(({ handle }) => handle);
}

describe('what is taken over', () => {
  it('has lain for long enough, the oldest first, as many as slots are free', () => {
    const sent = [row('a', 9), row('b', 7), row('young', 4.9)];
    const waiting = [row('c', 8, { status: 3 }), row('fresh', 1, { status: 3 })];
    expect(choose(sent, waiting, 10)).toEqual(['a', 'c', 'b']);
    expect(choose(sent, waiting, 2)).toEqual(['a', 'c']);
    expect(choose(sent, waiting, 0)).toEqual([]);
  });

  it('was seen unchanged for as long as the module may try to connect', () => {
    expect(choose([row('a', 9)], [], 1, 1_999)).toEqual([]);
    expect(choose([row('a', 20)], [], 1, 10_000, { ...patience, connectionTimeout: 10 })).toEqual([]);
    expect(choose([row('a', 21)], [], 1, 10_000, { ...patience, connectionTimeout: 10 })).toEqual(['a']);
  });

  it('is taken without a free slot before the site throws it away, or it would be the last of all', () => {
    expect(choose([row('a', 31), row('b', 29)], [row('c', 90, { status: 3 })], 0)).toEqual(['c', 'a']);
    const many = Array.from({ length: 50 }, (_, n) => row(`m${n}`, 60 + n));
    expect(choose(many, [], 5)).toHaveLength(25);
  });

  it('waits at a busy daemon, when slots are left for it, and is not one of its own processes', () => {
    const busy = [row('a', 40), row('cron', 30, { callback: 'drupald_core_cron' }), row('b', 2), row('young', 0.9)];
    const of = (free: number, sent: ProcessRow[] = []): string[] =>
      chooseUntaken({ sent, waiting: [], busy, seenFor: () => 9_000, now, mayBegin: () => true }, patience, free).map(
        ({ handle }) => handle,
      );
    expect(of(9)).toEqual(['a', 'b']);
    expect(of(1)).toEqual(['a']);
    expect(of(2, [row('sent', 9)])).toEqual(['sent', 'a']);
    expect(of(0)).toEqual([]);
  });

  it('is not what a limit holds back here, unless nobody else takes it', () => {
    const mayBegin = ({ callback }: ProcessRow): boolean => callback !== 'limited';
    const limited = { callback: 'limited' };
    const sent = [row('old', 31, limited), row('limited', 9, limited), row('a', 8), row('b', 7)];
    const busy = [row('held', 20, limited), row('c', 10)];
    const of = (free: number): string[] =>
      chooseUntaken({ sent, waiting: [], busy, seenFor: () => 9_000, now, mayBegin }, patience, free).map(
        ({ handle }) => handle,
      );
    expect(of(4)).toEqual(['a', 'b', 'old', 'c']);
    expect(of(1)).toEqual(['a', 'old']);
  });

  it('is no lock of Ultimate Cron', () => {
    expect(choose([row('lock', 9, { callback: '__LOCKED__' })], [], 1)).toEqual([]);
  });
});

describe('rows that were seen', () => {
  it('count anew when they have changed', () => {
    const seen = new SeenRows();
    const a = row('a', 9);
    expect(seen.note([a], 1_000)(a)).toBe(0);
    expect(seen.note([a], 3_000)(a)).toBe(2_000);
    const moved = { ...a, serviceHost: 'www2' };
    expect(seen.note([moved], 4_000)(moved)).toBe(0);
    expect(seen.note([a], 5_000)(a)).toBe(0);
  });
});
