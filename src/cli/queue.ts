import type { Command } from 'commander';
import {
  itemsAnswer,
  itemsChanged,
  queuesAnswer,
  type ItemLine,
  type itemWish,
  type QueueLine,
} from '../http/queue-answers.js';
import type { z } from 'zod';
import { fail } from '../errors.js';
import { answerTimeout, wholeNumber } from './history.js';
import { printable, wantsColour, writeJson, type CommandIo } from './io.js';
import { formatMoment } from './moment.js';
import { addDaemonOptions, clientOf, textOption, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

type Wish = z.infer<typeof itemWish>;

/** `drupald queue …`: queues, and items that have failed. */
export function addQueueCommand(program: Command, io: CommandIo): void {
  const queue = program.command('queue').description('Show queues, and see to items that have failed.');
  addDaemonOptions(queue.command('list', { isDefault: true }))
    .description('Show the queues of all sites.')
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const { queues } = await clientOf(options, io).get('/v1/queues', queuesAnswer, answerTimeout);
      if (options.json === true) writeJson(io, { queues });
      else io.stdout.write(`${formatQueues(queues, wantsColour(io.stdout, io.env))}\n`);
    });
  addQueue(queue.command('show'))
    .description('Show the items of a queue that have failed, the latest first.')
    .action(async (name: string, options: ParsedOptions) => {
      const query = new URLSearchParams(wishOf(name, options));
      const answer = await clientOf(options, io).get(
        `/v1/queues/items?${query.toString()}`,
        itemsAnswer,
        answerTimeout,
      );
      if (options.json === true) writeJson(io, answer);
      else io.stdout.write(`${formatItems(answer.items, wantsColour(io.stdout, io.env))}\n`);
    });
  addQueue(queue.command('retry'))
    .description(
      'Let failed items run again: one, or all that are set aside; ends the pause of a queue of another backend.',
    )
    .argument('[item]', 'number of the item, as "drupald queue show" tells it')
    .action(async (name: string, item: string | undefined, options: ParsedOptions) => {
      await change('retry', { ...wishOf(name, options), ...itemOf(item) }, options, io);
    });
  addQueue(queue.command('drop'))
    .description('Remove a failed item, or all that are set aside, for good.')
    .argument('[item]', 'number of the item, as "drupald queue show" tells it')
    .option('--all', 'all items that are set aside')
    .action(async (name: string, item: string | undefined, options: ParsedOptions) => {
      if ((item === undefined) !== (options.all === true)) {
        throw fail('OPTION_INVALID', {
          flag: '--all',
          given: item ?? '',
          expected: 'given instead of the number of an item, to drop all that are set aside',
          suggestion: '',
          example: `drupald queue drop ${name} --all`,
        });
      }
      await change('drop', { ...wishOf(name, options), ...itemOf(item) }, options, io);
    });
}

function addQueue(command: Command): Command {
  return addDaemonOptions(command)
    .argument('<queue>', 'name of the queue, as "drupald queue list" shows it')
    .option('--site <url>', 'address of the site, where several have a queue of this name')
    .option('--json', 'print JSON');
}

async function change(way: 'retry' | 'drop', wish: Wish, options: ParsedOptions, io: CommandIo): Promise<void> {
  const answer = await clientOf(options, io).post(`/v1/queues/${way}`, itemsChanged, wish, 0);
  if (options.json === true) writeJson(io, answer);
  else {
    const items = answer.count === 1 ? '1 item' : `${String(answer.count)} items`;
    const done = way === 'retry' ? 'may run again' : 'removed';
    const what = answer.woken === true ? 'its pause is over' : `${items} ${done}`;
    io.stdout.write(`${printable(wish.queue)} of ${printable(answer.site)}: ${what}.\n`);
  }
}

function wishOf(queue: string, options: ParsedOptions): { queue: string; site?: string } {
  const site = textOption(options, 'site');
  return { queue, ...(site === undefined ? {} : { site }) };
}

function itemOf(item: string | undefined): { item?: number } {
  return item === undefined ? {} : { item: wholeNumber('[item]', item, 0, Number.MAX_SAFE_INTEGER) };
}

/** Queues as text for people. */
export function formatQueues(queues: readonly QueueLine[], colour: boolean): string {
  if (queues.length === 0) return 'No site has a queue with a worker.';
  const rows = queues.map((one) => [
    one.queue,
    one.site,
    one.backend,
    one.leftAlone === null ? `${String(one.workers)} of ${String(one.slots)}` : `left alone (${one.leftAlone})`,
    one.waiting,
    one.claimed,
    one.pausedUntil === null ? one.paused : `until ${formatMoment(one.pausedUntil)}`,
    one.aside,
    one.oldest === null ? null : formatMoment(one.oldest),
  ]);
  return formatTable(
    ['QUEUE', 'SITE', 'BACKEND', 'WORKERS', 'WAITING', 'CLAIMED', 'PAUSED', 'ASIDE', 'OLDEST'],
    rows,
    colour,
  );
}

/** Failed items as text for people. */
export function formatItems(items: readonly ItemLine[], colour: boolean): string {
  if (items.length === 0) return 'No item of this queue has failed.';
  const rows = items.map((item) => [
    item.id,
    formatMoment(item.created),
    item.failures,
    item.lease === 0 ? 'waits' : item.aside ? 'set aside' : `paused until ${formatMoment(item.until)}`,
    item.reason,
  ]);
  return formatTable(['ITEM', 'CREATED', 'FAILURES', 'STATE', 'REASON'], rows, colour);
}
