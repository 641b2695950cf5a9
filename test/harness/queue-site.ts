import type { Bench } from './bench.js';
import { events } from './fixture-log.js';
import { ask } from './history.js';
import { waitFor } from './wait.js';

/** The queue of the fixture that cron works off. */
export const work = 'drupald_fixture_work';

/** The queue of Background Process. */
export const processes = 'background_process';

/** An item that has failed. */
export interface FailedItem {
  readonly id: number;
  readonly failures: number;
  readonly aside: number;
  readonly reason: string;
}

/** What tests do with queues of a site, and see of them. */
export interface QueueSite {
  readonly enqueue: (queue: string, items: readonly (readonly [label: string, mood: string])[]) => Promise<unknown>;
  /** Puts a process into the queue of Background Process, as somebody. */
  readonly queueProcess: (handle: string, callback: string, args: readonly unknown[], uid?: number) => Promise<unknown>;
  readonly rows: (queue: string) => Promise<{ item_id: number; expire: number }[]>;
  readonly failed: (queue: string) => Promise<readonly FailedItem[]>;
  /** How often an item wrote an event of this kind. */
  readonly count: (label: string, what: string) => Promise<number>;
  /** Waits until a queue holds nothing but items that are set aside, so many. */
  readonly onlyAside: (queue: string, number: number) => Promise<readonly FailedItem[]>;
  /** Waits until the worker of `work` was told to take no further item. */
  readonly toldEnough: (reason: string) => Promise<unknown>;
  /** What `drupald queue list --json` says. */
  readonly list: () => Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Ways to the queues of a bench. */
export function queueSite(bench: Bench): QueueSite {
  const site: QueueSite = {
    enqueue: (queue, items) =>
      bench.site.php('drupald_fixture_enqueue($args[0], $args[1]); return TRUE;', [queue, items]),
    queueProcess: (handle, callback, args, uid = 0) =>
      bench.site.php(
        '$p = new BackgroundProcess($args[0]); $p->uid = $args[3]; $p->queue($args[1], $args[2]); return TRUE;',
        [handle, callback, args, uid],
      ),
    rows: (queue) => bench.site.sql('SELECT item_id, expire FROM {queue} WHERE name = ? ORDER BY item_id', [queue]),
    failed: (queue) =>
      bench.site.sql<FailedItem>(
        'SELECT item_id AS id, failures, aside, reason FROM {drupald_queue_item}' +
          ' WHERE queue = ? AND lease <> 0 AND item_id IN (SELECT item_id FROM {queue}) ORDER BY item_id',
        [queue],
      ),
    count: async (label, what) => (await events(bench.site, label, what)).length,
    onlyAside: (queue, number) =>
      waitFor(
        async () => {
          const left = await site.rows(queue);
          const items = await site.failed(queue);
          return left.length === number && items.length === number && items.every(({ aside }) => aside === 1)
            ? items
            : false;
        },
        {
          what: `${queue} to hold ${number} items that are set aside`,
          seen: async () => ({
            rows: await site.rows(queue),
            failed: await site.failed(queue),
            log: bench.daemon.lines.slice(-10),
          }),
        },
      ),
    toldEnough: (reason) =>
      bench.daemon.logged(
        (line) => line.event === 'queue.enough' && String(line['handle']).endsWith(work) && line['reason'] === reason,
        `the word to the worker: ${reason}`,
      ),
    list: async () =>
      (
        JSON.parse((await ask(bench, 'queue', 'list', '--json')).stdout) as {
          queues: readonly Readonly<Record<string, unknown>>[];
        }
      ).queues,
  };
  return site;
}
