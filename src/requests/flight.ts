import type { QueueItemRow } from '../store/queue-table.js';

/** Where the lease of an item is moved, fenced by the one that is known. */
export interface LeaseTable {
  move(item: QueueItemRow, expire: number): Promise<boolean>;
  remove(item: QueueItemRow): Promise<boolean>;
}

/**
 * A request under way: its item stays claimed for a short while at a time, so that another daemon makes the request
 * soon when this one is gone, and never while it lives.
 */
export class Flight {
  readonly id: number;
  readonly #table: LeaseTable;
  readonly #lost = new AbortController();
  #item: QueueItemRow;
  #renewal: Promise<void> = Promise.resolve();
  #isOver = false;

  /** @param item with the lease that this daemon has set */
  constructor(table: LeaseTable, item: QueueItemRow) {
    this.#table = table;
    this.#item = item;
    this.id = item.id;
  }

  /** Aborted when the item is another's, or gone: nobody may be told of the answer. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Keeps the item for longer. Throws what the database throws. */
  renew(expire: number): Promise<void> {
    this.#renewal = this.#renewal
      .catch(() => undefined)
      .then(async () => {
        if (this.#isOver || expire <= this.#item.expire) return;
        if (await this.#table.move(this.#item, expire)) this.#item = { ...this.#item, expire };
        else this.#lost.abort();
      });
    return this.#renewal;
  }

  /**
   * Whether the item is still this daemon's. Its lease tells, unless that is about to end or has ended while the
   * daemon stood still: then the table does. Throws what the database throws.
   *
   * @param spare seconds that must be left
   * @param expire seconds since 1970 until which it is kept from now on, where the table is asked
   */
  async holds(spare: number, expire: number): Promise<boolean> {
    if (Date.now() / 1000 + spare > this.#item.expire) await this.renew(expire);
    return !this.#lost.signal.aborted;
  }

  /** Its callback is told: the item goes. Throws what the database throws. */
  async done(): Promise<void> {
    await this.#end();
    await this.#table.remove(this.#item);
  }

  /** It was not made: anybody may claim the item. Throws what the database throws. */
  async giveBack(): Promise<void> {
    await this.#end();
    await this.#table.move(this.#item, 0);
  }

  /** A renewal that is on its way would change the lease behind our back. */
  async #end(): Promise<void> {
    this.#isOver = true;
    await this.#renewal.catch(() => undefined);
  }
}
