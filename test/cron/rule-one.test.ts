import { describe, expect, test } from 'vitest';

import { isBadRule, type Rule } from '../../src/cron/rule.js';
import { parseRuleOne, rulesOf, schedulerOne } from '../../src/cron/rule-one.js';

function good(text: string, skew = 0): Rule {
  const rule = parseRuleOne(text, skew);
  if (isBadRule(rule)) throw new Error(rule.reason);
  return rule;
}

function reason(text: string): string {
  const rule = parseRuleOne(text, 7);
  return isBadRule(rule) ? rule.reason : '';
}

describe('rules of Ultimate Cron 1.x', () => {
  test.each([
    ['*/10+@ * * * *', [7, 17, 27, 37, 47, 57]],
    ['@ * * * *', [7]],
    ['10-20/5+3,45 * * * *', [2, 13, 18, 45]],
    ['58-61/1+3 * * * *', [0, 1, 2]],
    ['50-70 * * * *', [50, 51, 52, 53, 54, 55, 56, 57, 58, 59]],
    ['5,5-3,*/0,,75 * * * *', [5]],
  ])('minutes of %s', (text, minutes) => {
    expect(good(text, 67).minutes).toEqual(minutes);
  });

  test.each([
    ['0+@ * * * *', '"0+7" cannot be read in the field minute (0+@)'],
    ['7/5 * * * *', '"7/5" cannot be read in the field minute (7/5)'],
    ['42-43+1 * * * *', 'there is no value in the field minute (42-43+1)'],
    ['75 * * * *', 'nothing is between 0 and 59 in the field minute (75)'],
    ['0 22-2 * * *', 'there is no value in the field hour (22-2)'],
    ['0 0 * * 5-7', 'no date ever matches its day, month and weekday'],
    ['0 0 * * 05', 'no date ever matches its day, month and weekday'],
    ['0 0 31 2 *', 'no date ever matches its day, month and weekday'],
    [' * * * * *', 'it has 6 fields and not five'],
    ['0-99999999 * * * *', 'a range is too long in the field minute (0-99999999)'],
  ])('%s is none: %s', (text, why) => {
    expect(reason(text)).toBe(why);
  });

  test('a day that never comes leaves the weekday, and the other way round', () => {
    expect(good('0 0 40 * mon')).toMatchObject({ either: true });
    expect(good('0 0 5 * 8')).toMatchObject({ either: true });
  });

  test('are read so for its jobs, and each rule for itself', () => {
    const rules = ['0+@ * * * *', '*/30+@ * * * *'];
    const read = rulesOf({ scheduler: schedulerOne, rules, skew: 5 });
    expect(read.good.map(({ minutes }) => minutes)).toEqual([[5, 35]]);
    expect(read.bad.map(({ text }) => text)).toEqual(['0+@ * * * *']);
    expect(rulesOf({ scheduler: 'crontab', rules, skew: 5 }).good.map(({ minutes }) => minutes)).toEqual([
      [5],
      [5, 35],
    ]);
  });
});
