import { describe, expect, it } from 'vitest';

import { PoolRules, type PoolSettings } from '../../src/backlog/pool-rules.js';

const settings: PoolSettings = {
  slots: { 'index_*': 1 },
  poolSlots: { 'feeds_*': 4, '*_import': 2 },
  rate: { 'mail_*': { max: 10, within: 60_000 }, 'feeds_send*': { max: 1, within: 1_000 } },
};
const start = (callback: string): { handle: string; callback: string } => ({ handle: 'h', callback });

describe('rules of the pool', () => {
  const rules = new PoolRules(settings);

  it('put starts with the same limits into one line, by the first pattern that fits', () => {
    expect(rules.of(start('feeds_import'))).toMatchObject({ poolSlots: 4 });
    expect(rules.of(start('feeds_import'))).toEqual(rules.of(start('feeds_clear')));
    expect(rules.of(start('node_import'))).toMatchObject({ poolSlots: 2 });
    expect(rules.of(start('mail_import'))).toMatchObject({ poolSlots: 2, rate: { max: 10 } });
    expect(rules.of(start('feeds_send_all'))).toMatchObject({ poolSlots: 4, rate: { max: 1 } });
    expect(rules.of(start('mail_send')).poolSlots).toBeUndefined();
    expect(rules.of(start('index_all'))).toEqual({ name: rules.of(start('index_one')).name, slots: 'index_*' });
    expect(rules.of(start('other'))).toEqual({ name: '' });
  });

  it('know every line that a start can be in', () => {
    const names = rules.all.map(({ name }) => name);
    for (const callback of [
      'feeds_import',
      'mail_import',
      'mail_send',
      'feeds_send_x',
      'index_all',
      'other',
      'a_import',
    ]) {
      expect(names, callback).toContain(rules.of(start(callback)).name);
    }
    // No name fits feeds_* and mail_*.
    expect(rules.all).toHaveLength(9);
    expect(new Set(names).size).toBe(9);
  });

  it('give the line of all others a name that no rule changes', () => {
    expect(new PoolRules({ ...settings, slots: {}, poolSlots: {}, rate: {} }).all).toEqual([{ name: '' }]);
  });
});
