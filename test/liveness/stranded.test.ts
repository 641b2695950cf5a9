import { describe, expect, it } from 'vitest';

import { judgeStranded, type Look } from '../../src/liveness/stranded.js';
import { sumOf } from '../../src/scheduler/ownership.js';
import type { OwnedProcess } from '../../src/store/owner-table.js';
import type { ProcessRow } from '../../src/store/process-store.js';

const row: ProcessRow = {
  handle: 'drupald_cron',
  token: 'secret',
  callback: 'drupald_core_cron',
  uid: 0,
  serviceHost: '',
  stamp: '1800000000.000000',
  status: 2,
};

const owner = { host: 'other', pid: 7, beat: 1_800_000_000, silence: 4 };

const entry: OwnedProcess = { sum: sumOf('secret'), handle: row.handle, daemon: 'b', lock: 'L', owner };

function look(change: Partial<Look>): { stranded: (readonly [string, string])[]; left: readonly string[] } {
  const all: Look = { daemon: 'a', entries: [entry], rows: [row], hasInHand: () => false, ...change };
  const { stranded, left } = judgeStranded(all);
  return { stranded: stranded.map(({ row: { handle }, why }) => [handle, why] as const), left };
}

const silent = (silence: number): OwnedProcess => ({ ...entry, owner: { ...owner, silence } });

describe('a process of our own that stands as running', () => {
  it('is left to a daemon that gives signs of life, and to this one while it has it in hand', () => {
    expect(look({})).toEqual({ stranded: [], left: [] });
    expect(look({ entries: [silent(29)] }).stranded).toEqual([]);
    expect(look({ entries: [silent(90)], hasInHand: (handle) => handle === row.handle }).stranded).toEqual([]);
  });

  it('is stranded when its daemon is silent, by whichever clock, gone, or this very one', () => {
    const words = (entries: OwnedProcess[]): string | undefined => look({ entries }).stranded[0]?.[1];
    expect(words([silent(90)])).toBe(
      'the drupald that had it in hand (process 7 on other) has given no sign of life for 1 min 30 s',
    );
    expect(words([silent(-3600)])).toContain('for 1 h');
    expect(words([{ ...entry, owner: undefined }])).toContain('is gone');
    expect(words([{ ...entry, daemon: 'a' }])).toContain('this drupald');
  });

  it('is another each time that its daemon gives a sign, or takes it over', () => {
    const keyOf = (one: OwnedProcess): string | undefined =>
      judgeStranded({ daemon: 'a', entries: [one], rows: [row], hasInHand: () => false }).stranded[0]?.key;
    const first = keyOf(silent(90));
    expect(keyOf(silent(95))).toBe(first);
    expect(keyOf({ ...entry, owner: { ...owner, beat: owner.beat + 3, silence: 90 } })).not.toBe(first);
    expect(keyOf({ ...silent(90), daemon: 'c' })).not.toBe(first);
    const own = { ...entry, daemon: 'a' };
    expect(keyOf({ ...own, owner: { ...owner, beat: owner.beat + 3 } })).toBe(keyOf(own));
  });

  it('has to be the very one: a row that somebody else has made under its name is not meant', () => {
    const theirs = { ...row, token: 'another', callback: '_ultimate_cron_run_hook' };
    expect(look({ entries: [silent(90)], rows: [theirs] })).toEqual({ stranded: [], left: [entry.sum] });
  });

  it('has to be claimed: what waits is found by the sweep', () => {
    for (const status of [1, 3]) {
      expect(look({ entries: [silent(90)], rows: [{ ...row, status }] })).toEqual({ stranded: [], left: [] });
    }
  });

  it('is known without an entry only by a callback that nobody else has', () => {
    expect(look({ entries: [] }).stranded).toEqual([[row.handle, 'no drupald says that it has it in hand']]);
    expect(look({ entries: [], rows: [{ ...row, callback: 'theirs' }] }).stranded).toEqual([]);
    expect(look({ entries: [], hasInHand: () => true }).stranded).toEqual([]);
  });

  it('that is gone leaves an entry, which its own daemon removes while it lives', () => {
    expect(look({ rows: [] }).left).toEqual([]);
    expect(look({ rows: [], entries: [{ ...entry, daemon: 'a' }] }).left).toEqual([entry.sum]);
  });
});
