import { fail } from '../errors.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { FailedItem } from '../store/queue-item-table.js';
import type { Queues } from './queues.js';
import type { SiteQueues } from './site-queues.js';

/** Failed items of one queue that are looked at for an answer. */
const most = 10_000;

/** One queue, as people see it. */
export interface QueueView {
  readonly site: string;
  readonly queue: string;
  /** Name of the class that keeps it. */
  readonly backend: string;
  /** Until when it pauses as a whole after failures, in seconds since 1970; null: it does not. */
  readonly pausedUntil: number | null;
  /** Why it is left alone; null: it is worked off here. */
  readonly leftAlone: string | null;
  /** Workers at the same time. */
  readonly slots: number;
  /** Workers that wait or run. */
  readonly workers: number;
  /** Items that wait, that are claimed, that pause after a failure, and that are set aside; null: kept elsewhere. */
  readonly waiting: number | null;
  readonly claimed: number | null;
  readonly paused: number | null;
  readonly aside: number | null;
  /** When the oldest item was created, in seconds since 1970; null: it is empty, or kept elsewhere. */
  readonly oldest: number | null;
}

/** Which queue is meant. */
export interface QueueWish {
  readonly queue: string;
  /** Main address of its site; needed where several have one of this name. */
  readonly site?: string | undefined;
}

/** Which items are meant: one, or all that are set aside. */
export interface ItemWish extends QueueWish {
  readonly item?: number | undefined;
}

/** Every queue of each site that has a worker. Throws what the database throws. */
export async function listQueues(queues: Queues): Promise<QueueView[]> {
  const lists = await Promise.all([...queues.all].map(([site, of]) => viewsOf(site, of)));
  return lists.flat();
}

/** Items of a queue that have failed, the latest first. @throws DrupaldError QUEUE_UNKNOWN, QUEUE_AMBIGUOUS */
export async function showQueue(
  queues: Queues,
  wish: QueueWish,
): Promise<{ site: string; queue: string; items: FailedItem[] }> {
  const { site, of } = findQueue(queues, wish);
  return { site: site.name, queue: wish.queue, items: await failedOf(of, wish.queue) };
}

/**
 * Lets failed items be claimed again, their failures forgotten.
 *
 * @returns how many, and whether a pause of the whole queue is over with that
 * @throws DrupaldError also QUEUE_ITEM_UNKNOWN
 */
export async function retryItems(
  queues: Queues,
  wish: ItemWish,
): Promise<{ site: string; count: number; woken: boolean }> {
  const { site, of } = findQueue(queues, wish);
  const items = await meantItems(of, wish);
  for (const item of items) {
    await of.keeper.retry(item);
  }
  return { site: site.name, count: items.length, woken: of.elsewhere.wake(wish.queue) };
}

/** Removes failed items; how many. @throws DrupaldError also QUEUE_ITEM_UNKNOWN */
export async function dropItems(queues: Queues, wish: ItemWish): Promise<{ site: string; count: number }> {
  const { site, of, processes } = findQueue(queues, wish);
  let count = 0;
  for (const item of await meantItems(of, wish)) {
    count += (await of.keeper.drop(item, processes)) ? 1 : 0;
  }
  return { site: site.name, count };
}

async function viewsOf(site: ServedSite, of: SiteQueues): Promise<QueueView[]> {
  const plan = of.plan();
  if (plan.length === 0) {
    return [];
  }
  const counts = await site.queue.counts(plan.filter(({ table }) => table).map(({ name }) => name));
  const failed = await failedOf(of);
  return plan.map(({ name, reason, limit, table, class: backend }) => {
    const { waiting = 0, leased = 0, oldest = null } = counts.get(name) ?? {};
    const own = failed.filter(({ queue, lease }) => queue === name && lease !== 0);
    const aside = own.filter((item) => item.aside).length;
    const paused = own.length - aside;
    return {
      site: site.name,
      queue: name,
      backend,
      pausedUntil: table ? null : pausedUntil(of.elsewhere.pauseOf(name)),
      leftAlone: reason ?? null,
      slots: limit,
      workers: of.drains.filter(({ queue }) => queue === name).length,
      waiting: table ? waiting : null,
      claimed: table ? Math.max(0, leased - paused - aside) : null,
      paused: table ? paused : null,
      aside: table ? aside : null,
      oldest,
    };
  });
}

function pausedUntil(ms: number | undefined): number | null {
  return ms === undefined ? null : (Date.now() + ms) / 1000;
}

async function failedOf(of: SiteQueues, queue?: string): Promise<FailedItem[]> {
  const book = await of.keeper.book();
  await book.purge();
  return book.list(queue, most);
}

async function meantItems(of: SiteQueues, { queue, item }: ItemWish): Promise<FailedItem[]> {
  const failed = (await failedOf(of, queue)).filter(({ lease }) => lease !== 0);
  if (item === undefined) {
    return failed.filter(({ aside }) => aside);
  }
  const found = failed.filter(({ id }) => id === item);
  if (found.length === 0) {
    throw fail('QUEUE_ITEM_UNKNOWN', { item: String(item), queue });
  }
  return found;
}

function findQueue(
  queues: Queues,
  { queue, site }: QueueWish,
): { site: ServedSite; of: SiteQueues; processes: boolean } {
  const found = [...queues.all].flatMap(([one, of]) => {
    const planned = of.plan().find(({ name }) => name === queue);
    const meant = site === undefined || one.uris.some(({ url }) => url === site);
    return planned && meant ? [{ site: one, of, processes: planned.processes }] : [];
  });
  const [first, second] = found;
  if (!first) {
    throw fail('QUEUE_UNKNOWN', { queue, at: site === undefined ? '' : ` of ${site}` });
  }
  if (second) {
    throw fail('QUEUE_AMBIGUOUS', { queue, sites: found.map((one) => one.site.name).join(', ') });
  }
  return first;
}
