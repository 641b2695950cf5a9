import { describe, expect, test } from 'vitest';

import { entryDue, jitterOf, startsOf, type EntryTimes } from '../../src/cron/entry-due.js';
import { parseRules } from '../../src/cron/rule.js';
import { Zone } from '../../src/cron/zone.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The night in which clocks are set back in Tallinn, 27 October 2024: 04:00 becomes 03:00 at this instant. */
const change = Date.UTC(2024, 9, 27, 1, 0);

function times(rule: string, more: Partial<EntryTimes> = {}, zone = 'UTC'): EntryTimes {
  const found = Zone.named(zone);
  if (!found) throw new Error(zone);
  return { name: 'entry', rules: parseRules(rule).good, zone: found, jitter: 0, catchUp: day, ...more };
}

/** Fires an entry as daemons do that look each second, from one instant to another, with clock and ticks of one's own. */
function simulate(
  entry: EntryTimes,
  clock: (tick: number) => number,
  ticks: number,
  begun = clock(0),
): { label: number; tick: number }[] {
  const found: { label: number; tick: number }[] = [];
  let fired: { due: number; tick: number } | undefined = { due: begun, tick: 0 };
  for (let tick = 0; tick <= ticks; tick += 1000) {
    const { due } = entryDue(entry, fired, clock(tick), tick);
    if (due !== undefined) {
      found.push({ label: due, tick });
      fired = { due, tick };
    }
  }
  return found;
}

const noon = Date.UTC(2025, 5, 1, 12, 0);

describe('when an entry is due', () => {
  test('once for each time, and not for one that was fired', () => {
    const found = simulate(times('*/5 * * * *'), (tick) => noon + tick, hour);
    expect(found.map(({ label }) => (label - noon) / minute)).toEqual([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60]);
  });

  test('each of several rules counts, a time that both name once', () => {
    const found = simulate(times('*/20 * * * *; 0,30 * * * *'), (tick) => noon + tick, hour);
    expect(found.map(({ label }) => (label - noon) / minute)).toEqual([20, 30, 40, 60]);
  });

  test('after an outage the latest of those that were missed', () => {
    const entry = times('*/10 * * * *');
    expect(entryDue(entry, { due: noon - 5 * hour, tick: 0 }, noon + 5 * minute, 5 * hour).due).toBe(noon);
  });

  test('not later than it may catch up, but always within its own minute', () => {
    const entry = times('0 12 * * *', { catchUp: 10 * minute });
    const before = { due: noon - day, tick: 0 };
    expect(entryDue(entry, before, noon + 9 * minute, day).due).toBe(noon);
    expect(entryDue(entry, before, noon + 10 * minute, day).due).toBeUndefined();
    expect(entryDue({ ...entry, catchUp: 0 }, before, noon + 59_000, day).due).toBe(noon);
    expect(entryDue({ ...entry, catchUp: 0 }, before, noon + minute, day).due).toBeUndefined();
  });

  test('it says when to look again', () => {
    expect(entryDue(times('0 * * * *'), { due: noon, tick: 0 }, noon + 1000, 1000).wake).toBe(noon + hour);
  });
});

describe('when clocks are changed', () => {
  test.each([
    ['30 3 * * *', ['03:30:00+03:00']],
    ['30 * * * *', ['02:30:00+03:00', '03:30:00+03:00', '03:30:00+02:00', '04:30:00+02:00']],
  ])('the law of time holds for %s', (rule, expected) => {
    const entry = times(rule, {}, 'Europe/Tallinn');
    const found = simulate(entry, (tick) => change - 2 * hour + tick, 4 * hour);
    expect(found.map(({ label }) => entry.zone.format(label).slice(11))).toEqual(expected);
  });
});

describe('when the clock of the machine is set', () => {
  test('back: nothing is silent for long, and nothing comes twice in a period', () => {
    const step = 90 * minute;
    const found = simulate(times('* * * * *'), (tick) => noon + tick - (tick > step ? 2 * hour : 0), 3 * hour);
    const gaps = found.slice(1).map(({ tick }, index) => tick - (found[index]?.tick ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * minute);
    expect(found.length).toBeGreaterThanOrEqual(178);
    expect(found.length).toBeLessThanOrEqual(181);
  });

  test('forward: what was skipped comes once', () => {
    const found = simulate(times('* * * * *'), (tick) => noon + tick + (tick > 30_000 ? 3 * hour : 0), 5 * minute);
    expect(found.map(({ label }) => (label - noon - 3 * hour) / minute)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('back by a little: a time that was fired does not come again', () => {
    const found = simulate(times('0 * * * *'), (tick) => noon - minute + tick - (tick > 2 * minute ? 30_000 : 0), hour);
    expect(found.map(({ label }) => label)).toEqual([noon]);
  });

  test('another daemon, whose clock is three minutes late, fires nothing that was fired', () => {
    // It sees each slot a moment after it was taken.
    const entry = times('* * * * *');
    for (let tick = 1000; tick < 60_000; tick += 1000) {
      const now = noon - 3 * minute + tick;
      expect(entryDue(entry, { due: noon, tick: 0 }, now, tick).due).toBeUndefined();
    }
  });
});

describe('jitter', () => {
  const entry = times('0 * * * *', { jitter: 10 * minute });

  test('is the same for an entry and a time, and differs between times and entries', () => {
    const hours = Array.from({ length: 50 }, (_, index) => noon + index * hour);
    const all = hours.map((due) => jitterOf(entry, due));
    expect(hours.map((due) => jitterOf({ ...entry }, due))).toEqual(all);
    expect(new Set(all).size).toBeGreaterThan(40);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...all)).toBeLessThan(10 * minute);
    expect(hours.map((due) => jitterOf({ ...entry, name: 'other' }, due))).not.toEqual(all);
  });

  test('is shorter than the period, so that no time is passed over', () => {
    const often = times('* * * * *', { jitter: hour });
    const found = simulate(often, (tick) => noon + tick, hour);
    expect(found.map(({ label }) => (label - noon) / minute)).toEqual(
      Array.from({ length: found.length }, (_, index) => index + 1),
    );
    expect(found.length).toBeGreaterThanOrEqual(59);
  });

  test('delays the begin, and what comes next tells it', () => {
    const start = noon + hour + jitterOf(entry, noon + hour);
    const before = { due: noon, tick: 0 };
    expect(entryDue(entry, before, start - 1, hour)).toEqual({ wake: start });
    expect(entryDue(entry, before, start, hour)).toMatchObject({ due: noon + hour, start });
    const starts = startsOf(entry, noon + hour);
    expect([starts.next().value, starts.next().value]).toEqual([
      start,
      noon + 2 * hour + jitterOf(entry, noon + 2 * hour),
    ]);
  });
});
