import { describe, expect, test } from 'vitest';

import { coreCronDue, coreCronState, type CoreCronState } from '../../src/cron/core-due.js';

const now = 1_700_000_000;
const state = (change: Partial<CoreCronState> = {}): CoreCronState => ({
  last: now - 100,
  threshold: 3600,
  lockTimeout: 900,
  maintenance: false,
  installed: true,
  ...change,
});

describe('when cron of a site is due', () => {
  test.each([
    ['a minute before a page would run it', {}, now - 100 + 3600 - 60],
    ['a tenth before, where that is less', { threshold: 30 }, now - 100 + 27],
    ['a second before at least', { threshold: 3 }, now - 100 + 2],
    ['at once, where it has never run', { last: undefined }, now],
    ['at once, where its last run is dated tomorrow', { last: now + 86_400 }, now],
    ['as ever, where clocks differ by a little', { last: now + 5 }, now + 5 + 3540],
    ['never, where pages never run it', { threshold: 0 }, 'off'],
    ['as often as drupald.yml says', { cadence: 600 }, now - 100 + 600],
    ['also where pages never run it', { cadence: 600, threshold: 0 }, now - 100 + 600],
    ['after its last run, not after what pages are told', { cadence: 600, ran: now - 300 }, now - 300 + 600],
    ['not in maintenance mode, either', { cadence: 600, maintenance: true }, 'maintenance'],
    ['not in maintenance mode', { maintenance: true }, 'maintenance'],
    ['not before the site is installed', { installed: false }, 'not-installed'],
  ])('%s', (_, change, due) => {
    expect(coreCronDue(state(change), now)).toBe(due);
  });
});

describe('what the variables say', () => {
  const read = (stored: Record<string, unknown>, fixed: Record<string, unknown> = {}): CoreCronState =>
    coreCronState(new Map(Object.entries(stored)), fixed);

  test('the defaults of the core', () => {
    expect(read({ install_task: 'done' })).toEqual({
      last: undefined,
      threshold: 10_800,
      lockTimeout: 900,
      maintenance: false,
      installed: true,
    });
  });

  test('numbers that a form has saved as text', () => {
    expect(read({ cron_last: '5', cron_safe_threshold: '0', maintenance_mode: '0' })).toMatchObject({
      last: 5,
      threshold: 0,
      maintenance: false,
    });
  });

  test('settings.php comes first', () => {
    expect(
      read({ cron_safe_threshold: 0, maintenance_mode: 1 }, { cron_safe_threshold: 60, maintenance_mode: 0 }),
    ).toMatchObject({
      threshold: 60,
      maintenance: false,
    });
  });

  test('what cannot be read turns cron off, and not on', () => {
    expect(read({ cron_safe_threshold: 'often' }).threshold).toBe(0);
    expect(read({ cron_safe_threshold: -5 }).threshold).toBe(0);
  });
});
