import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import { describe, expect, test } from 'vitest';

import { lastFire } from '../../src/cron/fires.js';
import { isBadRule, parseRule } from '../../src/cron/rule.js';
import { parseRuleOne } from '../../src/cron/rule-one.js';
import { Zone } from '../../src/cron/zone.js';
import { phpFixture, realDrupal, ultimateCronOne } from '../harness/paths.js';

interface ByModule {
  readonly minutes: readonly string[];
  readonly hours: readonly string[];
  readonly days: readonly string[];
  readonly months: readonly string[];
  readonly weekdays: readonly string[];
  /** Seconds since 1970; false: never. */
  readonly last: number | false;
}

/** Whether the module can make a time of it: a range that it cannot read leaves an empty value in the list. */
function canFire(found: ByModule | null): boolean {
  if (!found || found.last === false) return false;
  return ![found.minutes, found.hours, found.days, found.months, found.weekdays].some((list) => list.includes(''));
}

const written = [
  '10-20/5+3,45 * * * *',
  '*/90 * * * *',
  '58-59+1 * * * *',
  '0 0 * jan,oct *',
  '0 0 * * mon-fri',
  '0 0 1-5 1 0',
  '75 25 * * 8',
  '0+@ */3 * * *',
  '*/15+@ * * * *',
  '0 0 * * fri-sun',
  '0 0 * * 5-7',
  '0 22-2 * * *',
  '*/0 * * * *',
  '5-3 * * * *',
  '* * * *',
  '@hourly',
  '0 0 */7 * */7',
  '0 0 *+1 * 1',
  '0 0 1,1-31 * 1',
  '30 4 29 2 *',
];

/** Numbers that look random and are the same each time. */
function* numbers(seed: number): Generator<number, number> {
  for (let state = seed; ;) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

function someRules(count: number): string[] {
  const random = numbers(7);
  const below = (limit: number): number => Math.floor(random.next().value * limit);
  const item = (max: number): string => {
    const lower = below(max + 1);
    const range = below(3) === 0 ? '*' : below(2) === 0 ? String(lower) : `${lower}-${lower + below(max + 3 - lower)}`;
    return `${range}${below(3) === 0 ? `/${1 + below(9)}` : ''}${below(4) === 0 ? `+${below(9)}` : ''}`;
  };
  const field = (max: number): string => Array.from({ length: 1 + below(2) }, () => item(max)).join(',');
  return Array.from({ length: count }, () => {
    const open = (text: string): string => (below(2) === 0 ? '*' : text);
    return [field(59), open(field(23)), open(field(31)), open(field(12)), open(field(6))].join(' ');
  });
}

describe('real: rules as Ultimate Cron reads them', () => {
  const drupal = realDrupal();
  const file = join(drupal ?? '', 'sites/all/modules/contrib/ultimate_cron/CronRule.class.php');

  test.skipIf(drupal === undefined)('the same values, and the same last time', async () => {
    const now = Date.UTC(2025, 4, 14, 15, 47) / 1000;
    const cases = [...written, ...someRules(400)].map((rule, index) => ({
      rule,
      now: now + index * 86_461,
      skew: index % 256,
    }));
    const { stdout } = await execa('php', [fileURLToPath(phpFixture('cron-rules.php')), file], {
      input: JSON.stringify(cases),
    });
    const answers = JSON.parse(stdout) as (ByModule | null)[];
    const zone = Zone.named('UTC');
    if (!zone) throw new Error('UTC');
    let refused = 0;
    const ascending = (values: readonly string[]): number[] => [...new Set(values.map(Number))].sort((a, b) => a - b);
    for (const [index, { rule, now: at, skew }] of cases.entries()) {
      const theirs = answers[index] ?? null;
      const ours = parseRule(rule, skew);
      if (isBadRule(ours)) {
        refused += 1;
        // Of rules that never fire the module returns a time all the same, of its loop's last values.
        if (!ours.reason.startsWith('no date')) expect(canFire(theirs), `${rule}: ${ours.reason}`).toBe(false);
        continue;
      }
      expect({ rule, minutes: ours.minutes, hours: ours.hours }).toEqual({
        rule,
        minutes: ascending(theirs?.minutes ?? []),
        hours: ascending(theirs?.hours ?? []),
      });
      expect({ rule, at: lastFire(ours, zone, at * 1000) }).toEqual({ rule, at: Number(theirs?.last) * 1000 });
    }
    expect(refused).toBeLessThan(cases.length / 4);
  });

  const one = ultimateCronOne();

  test.skipIf(one === undefined)('of 1.x: the same last time', async () => {
    const now = Date.UTC(2025, 4, 14, 15, 47) / 1000;
    const more = [
      '0+@ * * * *',
      '@ * * * *',
      '5,5-3 * * * *',
      '1,,2 * * * *',
      '0 0 40 * mon',
      '0 0 5 * 8',
      '0 0 * * 05',
    ];
    const cases = [...written, ...more, ...someRules(400)].map((rule, index) => ({
      rule,
      now: now + index * 86_461,
      skew: index % 256,
    }));
    const { stdout } = await execa(
      'php',
      [fileURLToPath(phpFixture('cron-rules-one.php')), join(one ?? '', 'CronRule.class.php')],
      { input: JSON.stringify(cases) },
    );
    const answers = JSON.parse(stdout) as (number | false)[];
    const zone = Zone.orUtc('UTC');
    const read = { good: 0, bad: 0 };
    for (const [index, { rule, now: at, skew }] of cases.entries()) {
      const theirs = answers[index] ?? false;
      const ours = parseRuleOne(rule, skew);
      // Of a rule that never fires it returns a time of 28 years ago, of its loop's last values.
      const never = theirs === false || theirs < at - 27 * 366 * 86_400;
      expect({ rule, never }).toEqual({ rule, never: isBadRule(ours) });
      read[isBadRule(ours) ? 'bad' : 'good'] += 1;
      if (!isBadRule(ours)) {
        expect({ rule, at: lastFire(ours, zone, at * 1000) }).toEqual({ rule, at: Number(theirs) * 1000 });
      }
    }
    expect(Math.min(read.good, read.bad)).toBeGreaterThan(cases.length / 20);
  });
});
