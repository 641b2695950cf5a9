import type { EventBus } from '../events/bus.js';
import { completed } from '../process/outcome.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason, isDenied } from '../store/database.js';
import type { FailedItem, ItemBook } from '../store/queue-item-table.js';
import type { QueueItemRow } from '../store/queue-table.js';
import { MemoryBook } from './memory-book.js';
import { QueuedProcesses } from './queued-processes.js';

/** A lease that ends never: nobody claims what is set aside, and no cron returns it. */
const never = 2_147_483_647;

/** The shortest pause and the longest, in seconds, and by how much each is longer than the one before. */
// Two claims within one second would have the same lease, and could not be told apart.
const shortestPause = 1;
const longestPause = 3_600;
const growth = 5;

/** Pauses that end at one look. */
const batch = 200;

export interface ItemRules {
  /** Failures until an item is set aside. */
  readonly attempts: number;
  /** Milliseconds after the first failure. */
  readonly pause: number;
  /** Milliseconds that a helper may need. */
  readonly settleTimeout: number;
}

/** An item that a worker of ours has claimed. */
export interface HeldItem extends QueueItemRow {
  /** End of the lease at the claim. */
  readonly claim: number;
}

/** Seconds that an item pauses after so many failures. */
export function pauseAfter(failures: number, firstMs: number): number {
  return Math.min(longestPause, Math.max(shortestPause, (firstMs / 1000) * growth ** (failures - 1)));
}

/** What becomes of items that have failed: they pause, are tried again, and are set aside. */
export class ItemKeeper {
  readonly processes: QueuedProcesses;
  readonly #site: ServedSite;
  readonly #rules: ItemRules;
  readonly #bus: EventBus;
  #book: ItemBook | undefined;
  /** When the next pause ends; undefined: it has to be looked up. */
  #next: number | undefined;

  constructor(site: ServedSite, rules: ItemRules, bus: EventBus) {
    this.processes = new QueuedProcesses(site, rules.settleTimeout, bus);
    this.#site = site;
    this.#rules = rules;
    this.#bus = bus;
  }

  /** Where failures are written down. Throws what the database throws. */
  async book(): Promise<ItemBook> {
    if (!this.#book) {
      try {
        await this.#site.queueItems.prepare();
        this.#book = this.#site.queueItems;
      } catch (error) {
        if (!isDenied(error)) {
          throw error;
        }
        this.#book = new MemoryBook();
        this.#bus.emit('queue.in-memory', { site: this.#site.name, reason: databaseReason(error) });
      }
    }
    return this.#book;
  }

  /** An item has failed under this lease: it pauses, or is set aside. The same failure may be told again. */
  async fail(item: HeldItem, reason: string, processes: boolean): Promise<void> {
    const book = await this.book();
    const known = await book.get(item.id);
    const before = known?.queue === item.queue && known.created === item.created ? known : undefined;
    const told = before?.claim === item.claim;
    const failures = (before?.failures ?? 0) + (told ? 0 : 1);
    const now = Date.now() / 1000;
    const aside = failures >= this.#rules.attempts;
    const pause = pauseAfter(failures, this.#rules.pause);
    if (processes && (await this.processes.putBack(await this.processes.ofItem(item.id)))) {
      await this.#site.queue.remove(item);
      return;
    }
    const failed: FailedItem = {
      id: item.id,
      queue: item.queue,
      created: item.created,
      failures,
      aside,
      reason,
      failed: now,
      until: now + pause,
      // A cron elsewhere returns what has ended a second ago.
      lease: aside ? never : Math.ceil(now + pause) + 1,
      claim: item.claim,
    };
    // First what is to be, then what is: between the two its lease only ends.
    await book.save(failed);
    this.#next = undefined;
    await this.#site.queue.move(item, failed.lease);
    if (!told) {
      this.#bus.emit(aside ? 'queue.item-set-aside' : 'queue.item-failed', {
        site: this.#site.name,
        queue: item.queue,
        item: item.id,
        failures,
        reason,
        pauseMs: Math.round(pause * 1000),
      });
    }
  }

  /** Returns what has paused long enough. */
  async release(): Promise<void> {
    const book = await this.book();
    const now = Date.now() / 1000;
    this.#next ??= (await book.next()) ?? Number.POSITIVE_INFINITY;
    if (this.#next > now) {
      return;
    }
    for (const item of await book.due(now, batch)) {
      await this.#return(item);
    }
    this.#next = undefined;
  }

  /** Lets an item be claimed again, as if it had never failed. */
  async retry(item: FailedItem): Promise<void> {
    await this.#return({ ...item, failures: 0, aside: false, claim: 0 });
  }

  /** Removes an item that has failed, and its process; false: it is not paused or aside any more. */
  async drop(item: FailedItem, processes: boolean): Promise<boolean> {
    const held = { ...item, expire: item.lease };
    const row = await this.#site.queue.get(item.id);
    if (item.lease === 0 || row?.expire !== item.lease) {
      return false;
    }
    if (processes) {
      const sentence = `The process was dropped from the queue ${item.queue}: ${item.reason}`;
      await this.processes.end(await this.processes.ofItem(item.id), { kind: 'cancelled', sentence });
    }
    const removed = await this.#site.queue.remove(held);
    await (await this.book()).forget([item.id]);
    return removed;
  }

  /** An item whose process has come to its end, also by ending PHP without a fault: what is left of both goes. */
  async finish(item: HeldItem): Promise<void> {
    await this.processes.end(await this.processes.ofItem(item.id), completed);
    await this.#site.queue.remove(item);
  }

  async #return(item: FailedItem): Promise<void> {
    await this.#site.queue.move({ ...item, expire: item.lease }, 0);
    await (await this.book()).save({ ...item, lease: 0 });
  }
}
