import type { Ending } from '../outcome/past-runs.js';
import { leaseStep, readElsewhereStep, readItemStep, type ItemStep } from '../process/item-step.js';
import type { QueueTable } from '../store/queue-table.js';
import { ElsewhereItems, type ProcessKeeper } from './elsewhere-items.js';
import type { HeldItem, ItemKeeper } from './item-keeper.js';

/** What becomes of items that a worker has left behind. */
export type FailureKeeper = Pick<ItemKeeper, 'fail' | 'finish'> & { readonly processes: ProcessKeeper };

/** Their rows. */
export type ItemRows = Pick<QueueTable, 'get' | 'move' | 'remove'>;

/** The item that a worker has in hand. */
interface ItemInHand extends Pick<ItemStep, 'id' | 'claim' | 'created'> {
  /** Every end that its lease has had, or was about to have, under this claim. */
  readonly leases: number[];
  /** The last one that is known to stand in its row. */
  expire: number | undefined;
  end: 'ran' | 'exits' | undefined;
}

/** What one worker of a queue does, as it has told. */
export class Drain {
  readonly queue: string;
  readonly handle: string;
  readonly #processes: boolean;
  /** Of items that are kept elsewhere. */
  readonly elsewhere = new ElsewhereItems();
  /** Items in the site's database that it has begun. */
  begun = 0;
  #seen = 0;
  #item: ItemInHand | undefined;

  constructor(about: { readonly queue: string; readonly handle: string; readonly processes: boolean }) {
    this.queue = about.queue;
    this.handle = about.handle;
    this.#processes = about.processes;
  }

  /** Number of the item that it has in hand; undefined: none. */
  get item(): number | undefined {
    return this.#item?.id;
  }

  /** Whether it says of itself that it has an item under this very claim: two that tell at once cannot both have got it. */
  says({ id, claim }: Pick<ItemStep, 'id' | 'claim'>): boolean {
    return this.#item?.id === id && this.#item.claim === claim;
  }

  /** Follows what the worker has told since the last time. Throws what the database throws; then the same is done again. */
  async follow(steps: readonly string[], keeper: FailureKeeper, table: ItemRows): Promise<void> {
    for (; this.#seen < steps.length; this.#seen += 1) {
      const text = steps[this.#seen] ?? '';
      const step = readItemStep(text);
      if (!step) {
        const elsewhere = readElsewhereStep(text);
        if (elsewhere) this.elsewhere.take(elsewhere);
        else this.elsewhere.close();
        this.#item = undefined;
        continue;
      }
      if (!this.says(step)) {
        const { id, claim, created } = step;
        this.#item = { id, claim, created, leases: [claim], expire: undefined, end: undefined };
        this.begun += 1;
      }
      if ((step.what === 'ran' || step.what === 'exits') && this.#item) {
        this.#item.end = step.what;
      } else if (step.what === 'leased') {
        this.#item?.leases.push(step.lease);
      } else if (step.what === 'failed') {
        const item = await this.#held(table);
        if (item) {
          await keeper.fail(item, step.reason, this.#processes);
        }
        this.#item = undefined;
      }
    }
  }

  /**
   * Renews the lease of the item that it works on, when a third of it is over, also when it has ended
   * and nobody else has the item yet: while no daemon was there, nobody renewed it.
   *
   * @param tell writes down what is about to be done: a daemon that comes later has to know the item by its lease
   */
  async renew(table: ItemRows, leaseMs: number, tell: (step: string) => void): Promise<void> {
    const now = Date.now();
    if (!this.#item || (this.#item.expire ?? this.#item.claim) * 1000 - now > (leaseMs * 2) / 3) {
      return;
    }
    const item = this.#item;
    const expire = Math.ceil((now + leaseMs) / 1000);
    const held = await this.#held(table, true);
    if (!held || held.expire >= expire) {
      return;
    }
    if (!item.leases.includes(expire)) {
      tell(leaseStep(item, expire));
      item.leases.push(expire);
    }
    if (await table.move(held, expire)) {
      item.expire = expire;
    }
  }

  /**
   * Sees to the item that it has left behind.
   *
   * @param isElsewhere whether another worker says that it has this item under the same claim
   */
  async over(
    ending: Ending,
    keeper: FailureKeeper,
    table: ItemRows,
    isElsewhere: (item: HeldItem) => boolean = () => false,
  ): Promise<void> {
    const { run, steps = [] } = ending;
    await this.follow(steps, keeper, table);
    await this.elsewhere.over(ending, keeper.processes);
    // One that has come to its end must not run again, also when its lease has ended meanwhile.
    const item = await this.#held(table, this.#item?.end !== undefined);
    if (!item || isElsewhere(item)) {
      this.#item = undefined;
      return;
    }
    const end = this.#item?.end;
    // Which code an exit() had is known only where it is the outcome.
    const exits = run.outcome === 'completed' || (end === 'exits' && run.outcome !== 'exited');
    if (this.#processes && (end === 'ran' || exits)) {
      await keeper.finish(item);
    } else if (end === 'ran') {
      await table.remove(item);
    } else {
      await keeper.fail(item, run.sentence || 'Its callback ended PHP by exit().', this.#processes);
    }
    this.#item = undefined;
  }

  /**
   * The item in hand with the lease that stands in its row; undefined: none, or somebody else has taken it.
   *
   * @param orFree also when nobody has a lease on it
   */
  async #held(table: ItemRows, orFree = false): Promise<HeldItem | undefined> {
    const item = this.#item;
    if (!item) {
      return undefined;
    }
    const row = await table.get(item.id);
    const ours =
      row?.queue === this.queue &&
      row.created === item.created &&
      (item.leases.includes(row.expire) || (orFree && row.expire === 0));
    item.expire = ours ? row.expire : undefined;
    return ours ? { ...row, claim: item.claim } : undefined;
  }
}
