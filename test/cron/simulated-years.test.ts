import { describe, expect, test } from 'vitest';
import { fires, lastFire, nextFire } from '../../src/cron/fires.js';
import { isBadRule, parseRule, type Rule } from '../../src/cron/rule.js';
import { Zone } from '../../src/cron/zone.js';

const minute = 60_000;
const years: readonly (readonly [zone: string, year: number])[] = [
  ['Europe/Tallinn', 2024],
  ['Europe/Tallinn', 2025],
  ['America/New_York', 2024],
  ['Australia/Lord_Howe', 2024],
  ['Asia/Kolkata', 2024],
  ['UTC', 2024],
  ['America/Sao_Paulo', 2018],
  ['Pacific/Apia', 2011],
  ['Africa/Casablanca', 2024],
];

const rules = [
  '* * * * *',
  '*/10 * * * *',
  '30 * * * *',
  '15 * * * *',
  '30 3 * * *',
  '45 1 * * *',
  '15 2 * * *',
  '*/20 0-3 * * *',
  '0 */3 * * *',
  '30 0 * * *',
  '59 23 * * *',
  '0 0 1 * 1',
  '17 4,16 * jan,mar,oct mon-fri',
  '0 0 29 2 *',
];

/** Local minute of each UTC minute of a year, as the formatter of dates tells it: another source than the product's. */
function localMinutes(zone: string, year: number): number[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  });
  const result: number[] = [];
  // Clocks change at whole quarters of an hour.
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 15 * minute) {
    const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
    const local = Date.UTC(part.year ?? 0, (part.month ?? 1) - 1, part.day, part.hour, part.minute);
    for (let more = 0; more < 15; more += 1) result.push(local / minute + more);
  }
  return result;
}

function matches(rule: Rule, local: number): boolean {
  const date = new Date(local * minute);
  if (!rule.minutes.includes(date.getUTCMinutes()) || !rule.hours.includes(date.getUTCHours())) return false;
  if (!rule.months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [rule.days.has(date.getUTCDate()), rule.weekdays.has(date.getUTCDay())];
  return rule.days.size < 31 && rule.weekdays.size < 7 ? day || weekday : day && weekday;
}

/** The law of time, minute by minute: slow, and written without spans. */
function byHand(rule: Rule, local: readonly number[], start: number): number[] {
  const result: number[] = [];
  let furthest = local[0] ?? 0;
  for (const [index, now] of local.entries()) {
    const skipped = index === 0 ? 0 : now - (local[index - 1] ?? 0) - 1;
    let fire = matches(rule, now) && (rule.anyHour || index === 0 || now > furthest);
    if (skipped > 0 && !(rule.hours.length === 24 && skipped % 60 === 0)) {
      for (let missed = now - skipped; missed < now; missed += 1) fire ||= matches(rule, missed);
    }
    if (fire) result.push(start + index * minute);
    furthest = Math.max(furthest, now);
  }
  return result;
}

function ruleOf(text: string): Rule {
  const rule = parseRule(text);
  if (isBadRule(rule)) throw new Error(rule.reason);
  return rule;
}

function zoneOf(name: string): Zone {
  const zone = Zone.named(name);
  if (!zone) throw new Error(name);
  return zone;
}

describe.each(years)('%s in %i', (name, year) => {
  const zone = zoneOf(name);
  const local = localMinutes(name, year);
  const [from, to] = [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)];

  const told = (at: number | undefined): string => (at === undefined ? 'nothing' : zone.format(at));

  test.each(rules)('%s', (text) => {
    const rule = ruleOf(text);
    const found = [...fires(rule, zone, from, to)];
    const wanted = byHand(rule, local, from);
    const differs = wanted.findIndex((at, index) => at !== found[index]);
    expect(differs, `found ${told(found[differs])}, wanted ${told(wanted[differs])}`).toBe(-1);
    expect(found).toHaveLength(wanted.length);
    // Piece by piece it is the same as at once, and backwards the same as forwards.
    for (const at of found.filter((_, index) => index % Math.ceil(found.length / 20) === 0)) {
      expect(lastFire(rule, zone, at)).toBe(at);
      expect(nextFire(rule, zone, at - 1)).toBe(at);
      expect(lastFire(rule, zone, at - 1)).toBeLessThan(at);
      expect([...fires(rule, zone, at - 7 * minute, at + 1)].at(-1)).toBe(at);
    }
  });
});

describe('clock changes in words', () => {
  const at = (zone: string, text: string, rule: string, hours = 4): string[] => {
    const place = zoneOf(zone);
    const from = place.parse(text) ?? NaN;
    return [...fires(ruleOf(rule), place, from, from + hours * 60 * minute)].map((fire) => place.format(fire));
  };

  test('autumn in Tallinn', () => {
    expect(at('Europe/Tallinn', '2024-10-27T02:00', '30 3 * * *')).toEqual(['2024-10-27T03:30:00+03:00']);
    expect(at('Europe/Tallinn', '2024-10-27T02:00', '30 * * * *')).toEqual([
      '2024-10-27T02:30:00+03:00',
      '2024-10-27T03:30:00+03:00',
      '2024-10-27T03:30:00+02:00',
      '2024-10-27T04:30:00+02:00',
    ]);
    expect(at('Europe/Tallinn', '2024-10-27T03:00', '* * * * *', 2)).toHaveLength(120);
  });

  test('spring in Tallinn', () => {
    expect(at('Europe/Tallinn', '2024-03-31T02:00', '30 3 * * *')).toEqual(['2024-03-31T04:00:00+03:00']);
    expect(at('Europe/Tallinn', '2024-03-31T02:00', '*/20 3 * * *')).toEqual(['2024-03-31T04:00:00+03:00']);
    expect(at('Europe/Tallinn', '2024-03-31T02:40', '*/10 * * * *', 1)).toEqual([
      '2024-03-31T02:40:00+02:00',
      '2024-03-31T02:50:00+02:00',
      '2024-03-31T04:00:00+03:00',
      '2024-03-31T04:10:00+03:00',
      '2024-03-31T04:20:00+03:00',
      '2024-03-31T04:30:00+03:00',
    ]);
  });

  test('half an hour on Lord Howe, and midnight in São Paulo', () => {
    expect(at('Australia/Lord_Howe', '2024-10-06T01:00', '15 2 * * *')).toEqual(['2024-10-06T02:30:00+11:00']);
    expect(at('Australia/Lord_Howe', '2024-04-07T01:00', '45 1 * * *')).toEqual(['2024-04-07T01:45:00+11:00']);
    expect(at('America/Sao_Paulo', '2018-11-03T22:00', '30 0 * * *')).toEqual(['2018-11-04T01:00:00-02:00']);
  });
});
