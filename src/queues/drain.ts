import type { Ending } from '../outcome/past-runs.js';
import type { QueueItemRow, QueueTable } from '../store/queue-table.js';
import type { HeldItem, ItemKeeper } from './item-keeper.js';
import { readItemStep } from './item-step.js';

/** What one worker of a queue does, as it has told. */
export class Drain {
  readonly queue: string;
  readonly handle: string;
  readonly #processes: boolean;
  /** Whether its leases are ours to know: a daemon before this one may have renewed them. */
  readonly #made: boolean;
  /** Items that it has begun. */
  begun = 0;
  #seen = 0;
  #item: HeldItem | undefined;
  #ran = false;

  constructor(about: {
    readonly queue: string;
    readonly handle: string;
    readonly processes: boolean;
    readonly made: boolean;
  }) {
    this.queue = about.queue;
    this.handle = about.handle;
    this.#processes = about.processes;
    this.#made = about.made;
  }

  /** Follows what the worker has told since the last time. Throws what the database throws; then the same is done again. */
  async follow(steps: readonly string[], keeper: ItemKeeper, table: QueueTable): Promise<void> {
    for (; this.#seen < steps.length; this.#seen += 1) {
      const step = readItemStep(steps[this.#seen] ?? '');
      if (!step) {
        // Through, or an item that is kept elsewhere.
        this.#item = undefined;
        this.begun += steps[this.#seen] === '' ? 0 : 1;
      } else if (step.what === 'ran') {
        this.#ran = true;
      } else {
        if (this.#item?.claim !== step.claim || this.#item.id !== step.id) {
          const { id, claim, created } = step;
          this.#item = { id, claim, created, queue: this.queue, expire: claim };
          this.#ran = false;
          this.begun += 1;
        }
        if (step.what === 'failed') {
          const item = await this.#held(table);
          if (item) {
            await keeper.fail(item, step.reason, this.#processes);
          }
          this.#item = undefined;
        }
      }
    }
  }

  /** Renews the lease of the item that it works on, when a third of it is over. */
  async renew(table: QueueTable, leaseMs: number): Promise<void> {
    const now = Date.now();
    const item = await this.#held(table);
    if (!item || item.expire * 1000 - now > (leaseMs * 2) / 3) {
      return;
    }
    const expire = Math.ceil((now + leaseMs) / 1000);
    if (expire !== item.expire && (await table.move(item, expire))) {
      this.#item = { ...item, expire };
    }
  }

  /** Sees to the item that it has left behind. */
  async over({ run, steps = [] }: Ending, keeper: ItemKeeper, table: QueueTable): Promise<void> {
    await this.follow(steps, keeper, table);
    const item = await this.#held(table);
    if (!item) {
      return;
    }
    if (this.#ran) {
      await table.remove(item);
    } else if (this.#processes && run.outcome === 'completed') {
      await keeper.finish(item);
    } else {
      await keeper.fail(item, run.sentence || 'Its callback ended PHP by exit().', this.#processes);
    }
    this.#item = undefined;
  }

  /** The item in hand with the lease that it has now; undefined: none, or somebody else has taken it. */
  async #held(table: QueueTable): Promise<HeldItem | undefined> {
    const item = this.#item;
    if (!item || this.#made) {
      return item;
    }
    const row: QueueItemRow | undefined = await table.get(item.id);
    const ours = row?.queue === item.queue && row.created === item.created && row.expire >= item.claim;
    this.#item = ours ? { ...item, expire: row.expire } : undefined;
    return this.#item;
  }
}
