import { Zone } from '../cron/zone.js';
import { fail } from '../errors.js';
import type { nextAnswer } from '../http/cron-answers.js';
import type { z } from 'zod';
import { textOption, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

/** How many runs are shown without a word about it. */
export const nextCount = 20;

/**
 * What `drupald cron next` is to ask for.
 *
 * @throws DrupaldError OPTION_INVALID
 */
export function nextWishOf(options: ParsedOptions): { at?: string; count: number } {
  const given = textOption(options, 'count') ?? String(nextCount);
  const count = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (count < 1 || count > 10_000) {
    throw wrong('--count', given, 'a whole number from 1 to 10000', '--count 50');
  }
  const at = textOption(options, 'at');
  if (at === undefined) return { count };
  const instant = Zone.named(Intl.DateTimeFormat().resolvedOptions().timeZone)?.parse(at);
  if (instant === undefined) {
    throw wrong('--at', at, 'a date or a time in ISO 8601', '--at 2026-03-29T00:00+02:00');
  }
  return { at: new Date(instant).toISOString(), count };
}

/** What begins next as text for people. */
export function formatNext({ runs }: z.infer<typeof nextAnswer>, colour: boolean): string {
  if (runs.length === 0) return 'Nothing is going to run.';
  return formatTable(
    ['AT', 'JOB', 'SITE', 'ZONE'],
    runs.map(({ at, name, site, zone }) => [at, name, site, zone]),
    colour,
  );
}

function wrong(flag: string, given: string, expected: string, example: string): Error {
  return fail('OPTION_INVALID', { flag, given, expected, suggestion: '', example });
}
