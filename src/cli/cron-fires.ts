import { firesOfAll } from '../cron/fires.js';
import { parseRules } from '../cron/rule.js';
import { skewOf } from '../cron/skew.js';
import { Zone } from '../cron/zone.js';
import { fail } from '../errors.js';
import { textOption, type ParsedOptions } from './options.js';

const day = 86_400_000;

/** Lines that are written at once. */
const portion = 1000;

/** What `drupald cron fires` prints, in portions of whole lines. Throws OPTION_INVALID. */
export function printedFires(options: ParsedOptions, now: number): Generator<string> {
  return portions(firesToPrint(options, now));
}

function* firesToPrint(options: ParsedOptions, now: number): Generator<string> {
  const text = textOption(options, 'rule') ?? '';
  const rules = parseRules(text, skewOf(textOption(options, 'job') ?? ''));
  const bad = rules.bad[0];
  if (bad || rules.good.length === 0) {
    throw wrong(
      '--rule',
      text,
      `a rule of five fields, and ${bad?.reason ?? 'it is empty'}`,
      '--rule "*/15 8-17 * * mon-fri"',
    );
  }
  const zoneName = textOption(options, 'zone') ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zone = Zone.named(zoneName);
  if (!zone) {
    throw wrong('--zone', zoneName, 'the name of a time zone', '--zone Europe/Tallinn');
  }
  const moment = (flag: 'from' | 'to', otherwise: number): number => {
    const given = textOption(options, flag);
    const at = given === undefined ? otherwise : zone.parse(given);
    if (at === undefined) {
      throw wrong(`--${flag}`, given ?? '', 'a date or a time in ISO 8601', `--${flag} 2026-03-29T00:00`);
    }
    return at;
  };
  const from = moment('from', now);
  for (const at of firesOfAll(rules.good, zone, from, moment('to', from + day))) {
    yield zone.format(at);
  }
}

function wrong(flag: string, given: string, expected: string, example: string): Error {
  return fail('OPTION_INVALID', { flag, given, expected, suggestion: '', example });
}

function* portions(lines: Iterable<string>): Generator<string> {
  let held: string[] = [];
  for (const line of lines) {
    held.push(line);
    if (held.length >= portion) {
      yield `${held.join('\n')}\n`;
      held = [];
    }
  }
  if (held.length > 0) yield `${held.join('\n')}\n`;
}
