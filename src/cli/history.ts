import type { Command } from 'commander';
import { fail } from '../errors.js';
import { ControlClient } from '../http/control-client.js';
import { historyAnswer, type HistoryAnswer } from '../http/run-answers.js';
import type { PastRun } from '../process/ended-run.js';
import { outcomeKinds } from '../process/outcome.js';
import { suggestion } from '../support/did-you-mean.js';
import { formatDuration } from '../support/duration.js';
import { printable, wantsColour, writeJson, type CommandIo } from './io.js';
import { formatMoment } from './moment.js';
import { addDaemonOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';
import { parseSince } from './since.js';
import { formatTable } from './table.js';

/** Milliseconds that the daemon may take: it looks into the databases of all its sites. */
export const answerTimeout = 40_000;

/** `drupald history`: how past runs ended. */
export function addHistoryCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(program.command('history').description('Show how past runs ended, newest first.'))
    .option('--callback <pattern>', 'only these callbacks; * stands for anything')
    .option('--outcome <kinds>', `only these ends, with commas between them: ${outcomeKinds.join(', ')}`)
    .option('--since <time>', 'only runs that ended since then: 2 h, 7 d, 2026-01-31, "2026-01-31 14:00"')
    .option('--site <url>', 'only this site, by one of its addresses')
    .option('--limit <number>', 'most runs that are shown', '50')
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const query = historyQuery(options);
      const config = configFrom(options, io, false);
      const client = new ControlClient(stateDirOf(config, io));
      const answer = await client.get(`/v1/history?${query.toString()}`, historyAnswer, answerTimeout);
      if (options.json === true) writeJson(io, answer);
      else {
        writeNotes(answer.notes, io);
        io.stdout.write(`${formatHistory(answer, wantsColour(io.stdout, io.env))}\n`);
      }
    });
}

/** What is asked of the daemon. Throws OPTION_INVALID. */
export function historyQuery(options: Readonly<Record<string, unknown>>, now = Date.now()): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['callback', 'site'] as const) {
    const value = textOption(options, name);
    if (value !== undefined) query.set(name, value);
  }
  const outcome = textOption(options, 'outcome');
  if (outcome !== undefined) query.set('outcome', outcomesOf(outcome).join(','));
  const since = textOption(options, 'since');
  if (since !== undefined) query.set('since', String(sinceOf(since, now)));
  query.set('limit', String(wholeNumber('--limit', textOption(options, 'limit') ?? '50', 1, 10_000)));
  return query;
}

/** Throws OPTION_INVALID. */
export function wholeNumber(flag: string, given: string, min: number, max: number): number {
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw fail('OPTION_INVALID', {
    flag,
    given,
    expected: `a whole number from ${String(min)} to ${String(max)}`,
    suggestion: '',
    example: `${flag} 20`,
  });
}

function outcomesOf(given: string): string[] {
  const kinds = given
    .split(',')
    .map((kind) => kind.trim())
    .filter((kind) => kind !== '');
  const wrong = kinds.find((kind) => !outcomeKinds.some((known) => known === kind));
  if (wrong === undefined && kinds.length > 0) return kinds;
  throw fail('OPTION_INVALID', {
    flag: '--outcome',
    given: wrong ?? given,
    expected: `one or more of ${outcomeKinds.join(', ')}`,
    suggestion: suggestion(wrong ?? '', outcomeKinds),
    example: '--outcome threw,fatal',
  });
}

function sinceOf(given: string, now: number): number {
  const since = parseSince(given, now);
  if (since !== null) return since;
  throw fail('OPTION_INVALID', {
    flag: '--since',
    given,
    expected: 'a length of time with its unit or a date',
    suggestion: '',
    example: '--since "2 h" or --since 2026-01-31',
  });
}

/** Says on standard error what is to be known about an answer. */
export function writeNotes(notes: HistoryAnswer['notes'], io: CommandIo): void {
  for (const { site, text } of notes) io.stderr.write(`${printable(`${site}: ${text}`)}\n`);
}

/** Past runs as a table for people. */
export function formatHistory({ runs }: Pick<HistoryAnswer, 'runs'>, colour: boolean): string {
  if (runs.length === 0) return 'No past run.';
  const several = new Set(runs.map(({ site }) => site)).size > 1;
  const rows = runs.map((run) => [
    formatMoment(run.ended),
    run.handle,
    run.callback,
    ...(several ? [run.site] : []),
    run.outcome,
    formatDuration(run.waitedMs),
    ranOf(run),
    run.sentence === '' ? null : run.sentence,
  ]);
  const head = ['ENDED', 'HANDLE', 'CALLBACK', ...(several ? ['SITE'] : []), 'OUTCOME', 'WAITED', 'RAN', 'CAUSE'];
  return formatTable(head, rows, colour);
}

/** How long a run took from its claim to its end; null when it was never claimed. */
export function ranOf({ started, ended }: PastRun): string | null {
  return started === undefined ? null : formatDuration(Math.max(0, ended - started) * 1000);
}
