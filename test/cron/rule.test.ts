import { describe, expect, test } from 'vitest';
import { isBadRule, parseRule, type Rule } from '../../src/cron/rule.js';
import { skewOf } from '../../src/cron/skew.js';

function good(text: string, skew = 0): Rule {
  const rule = parseRule(text, skew);
  if (isBadRule(rule)) throw new Error(rule.reason);
  return rule;
}

function reason(text: string): string {
  const rule = parseRule(text);
  return isBadRule(rule) ? rule.reason : '';
}

describe('rules', () => {
  test.each([
    ['10-20/5+3,45 * * * *', [13, 18, 23, 45]],
    ['*/90 * * * *', [0]],
    ['58-59+1 * * * *', [0, 59]],
    ['75 * * * *', [15]],
    ['*/15+@ * * * *', [6, 21, 36, 51]],
    ['7/5 * * * *', [7]],
    ['50-70 * * * *', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59]],
  ])('minutes of %s', (text, minutes) => {
    expect(good(text, 66).minutes).toEqual(minutes);
  });

  test('names, and 7 for Sunday', () => {
    expect([...good('0 0 * jan,Oct mon-fri').months]).toEqual([1, 10]);
    expect([...good('0 0 * * mon-fri').weekdays]).toEqual([1, 2, 3, 4, 5]);
    expect([...good('0 0 * * 7').weekdays]).toEqual([0]);
    expect([...good('0 0 * * 8').weekdays]).toEqual([1]);
  });

  test.each([
    ['0 22-2 * * *', 'the range 22-2 is upside down in the field hour (22-2)'],
    ['5-3 * * * *', 'the range 5-3 is upside down in the field minute (5-3)'],
    ['*/0 * * * *', 'the step of "0-59/0" is 0 in the field minute (*/0)'],
    ['0 0 * * fri-sun', 'the range 5-0 is upside down in the field weekday (fri-sun)'],
    ['0 0 * * 5-7', 'the range 5-0 is upside down in the field weekday (5-7)'],
    ['0 0 31 2 *', 'no date ever matches its day, month and weekday'],
    ['* * * *', 'it has 4 fields and not five'],
    ['', 'it has no fields and not five'],
    ['@hourly', 'it has 1 fields and not five'],
    ['1,,2 * * * *', 'a value is missing in the field minute (1,,2)'],
    ['L * * * *', '"L" cannot be read in the field minute (L)'],
    ['0-999999999 * * * *', 'the range 0-999999999 is too long in the field minute (0-999999999)'],
    ['* * 31+1 * *', 'no date ever matches its day, month and weekday'],
  ])('%s is refused', (text, why) => {
    expect(reason(text)).toBe(why);
  });

  test('a day and a weekday mean either, one of them alone means itself', () => {
    expect(good('0 0 1 * 1').either).toBe(true);
    expect(good('0 0 1 * *').either).toBe(false);
    expect(good('0 0 * * 1').either).toBe(false);
  });

  test.each([
    ['system_cron', 66],
    ['node_cron', 84],
    ['search_cron', 13],
    ['queue_background_process', 139],
  ])('%s is spread by %i', (job, skew) => {
    expect(skewOf(job)).toBe(skew);
  });
});
