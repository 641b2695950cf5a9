import type { Command } from 'commander';

import { batchAnswer, batchChanged, batchesAnswer, type BatchLine } from '../http/batch-answers.js';
import { formatDuration } from '../support/duration.js';
import { answerTimeout, wholeNumber } from './history.js';
import { printable, wantsColour, writeJson, type CommandIo } from './io.js';
import { formatMoment } from './moment.js';
import { addDaemonOptions, clientOf, textOption, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

/** `drupald batch …`: batches, and how far they are. */
export function addBatchCommand(program: Command, io: CommandIo): void {
  const batch = program.command('batch').description('Show batches, end them, or let them go on.');
  addDaemonOptions(batch.command('list', { isDefault: true }))
    .description('Show the batches of all sites.')
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const { batches } = await clientOf(options, io).get('/v1/batches', batchesAnswer, answerTimeout);
      if (options.json === true) writeJson(io, { batches });
      else io.stdout.write(`${formatBatches(batches, Date.now() / 1000, wantsColour(io.stdout, io.env))}\n`);
    });
  addOne(batch.command('show'))
    .description('Show one batch.')
    .action(async (id: string, options: ParsedOptions) => {
      const query = new URLSearchParams(wishOf(id, options));
      const answer = await clientOf(options, io).get(`/v1/batches/one?${query.toString()}`, batchAnswer, answerTimeout);
      if (options.json === true) writeJson(io, answer.batch);
      else io.stdout.write(`${formatBatch(answer.batch, Date.now() / 1000)}\n`);
    });
  addOne(batch.command('cancel'))
    .description('End a batch before it is done; its page, and its callbacks, are told.')
    .option('--reason <text>', 'why, for its starter')
    .action(async (id: string, options: ParsedOptions) => {
      const reason = textOption(options, 'reason');
      await change('cancel', { ...wishOf(id, options), ...(reason === undefined ? {} : { reason }) }, options, io);
    });
  addOne(batch.command('resume'))
    .description('Let a batch go on that was stopped or cancelled, or whose operation has failed.')
    .action((id: string, options: ParsedOptions) => change('resume', wishOf(id, options), options, io));
}

function addOne(command: Command): Command {
  return addDaemonOptions(command)
    .argument('<batch>', 'number of the batch, as "drupald batch list" shows it')
    .option('--site <url>', 'address of the site, where several have a batch of this number')
    .option('--json', 'print JSON');
}

async function change(
  what: 'cancel' | 'resume',
  wish: Record<string, string>,
  options: ParsedOptions,
  io: CommandIo,
): Promise<void> {
  const answer = await clientOf(options, io).post(`/v1/batches/${what}`, batchChanged, wish, 0);
  if (options.json === true) writeJson(io, answer);
  else
    io.stdout.write(
      `Batch ${answer.batch} of ${printable(answer.site)} ${what === 'cancel' ? 'was ended' : 'goes on'}.\n`,
    );
}

function wishOf(id: string, options: ParsedOptions): Record<string, string> {
  const site = textOption(options, 'site');
  const batch = String(wholeNumber('<batch>', id, 1, Number.MAX_SAFE_INTEGER));
  return { batch, ...(site === undefined ? {} : { site }) };
}

/**
 * Batches as text for people.
 *
 * @param now seconds since 1970
 */
export function formatBatches(batches: readonly BatchLine[], now: number, colour: boolean): string {
  if (batches.length === 0) return 'No site has a batch.';
  const rows = batches.map((one) => [
    one.batch,
    one.site,
    one.state,
    `${one.percentage.toFixed(2)} %`,
    one.starter === '' ? `user ${one.uid}` : one.starter,
    ageOf(one, now),
    one.eta === null ? null : formatMoment(one.eta),
    one.reason === '' ? plain(one.message) : plain(one.reason),
  ]);
  return formatTable(['BATCH', 'SITE', 'STATE', 'DONE', 'STARTER', 'AGE', 'ETA', 'MESSAGE'], rows, colour);
}

/** One batch as text for people. */
export function formatBatch(one: BatchLine, now: number): string {
  const lines: readonly (readonly [string, string])[] = [
    ['batch', `${one.batch} of ${one.site}`],
    ['title', plain(one.title)],
    ['state', one.state],
    ['done', `${one.percentage.toFixed(2)} %, ${one.operations - one.left} of ${one.operations} operations`],
    ['rate', one.rate === null ? '-' : `${one.rate.toFixed(1)} operations a second`],
    ['eta', one.eta === null ? '-' : formatMoment(one.eta)],
    ['starter', one.starter === '' ? `user ${one.uid}` : `${one.starter} (user ${one.uid})`],
    ['age', ageOf(one, now)],
    ['message', plain(one.message)],
    ['failures', String(one.failures)],
    ['reason', plain(one.reason)],
  ];
  return lines
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name.padEnd(9)} ${printable(text)}`)
    .join('\n');
}

function ageOf(one: BatchLine, now: number): string {
  return formatDuration(Math.max(0, Math.round(now - one.created)) * 1000);
}

/** What a page shows of HTML. */
function plain(html: string): string {
  const signs: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&', nbsp: ' ', '#039': "'" };
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&(#039|\w+);/g, (whole, name: string) => signs[name] ?? whole)
    .replaceAll(/\s+/g, ' ')
    .trim();
}
