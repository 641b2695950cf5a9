import type { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { CoreBatchPrint } from '../store/core-batch-table.js';
import { readBatch } from './batch-state.js';
import { Bystanders } from './bystanders.js';

/** Seconds after its beginning for which a batch is carried on: who has not come back by then does not mean to. */
const longest = 86_400;

/** Milliseconds for which a batch is hidden at most while requests of its browser may still have it in hand. */
const patience = 60_000;

/** What adoption needs of the daemon. */
export interface AdoptionOptions {
  readonly site: ServedSite;
  readonly bus: EventBus;
  /** Milliseconds for which nothing of a batch has changed before. */
  readonly after: number;
  /** Numbers of database sessions of our own workers. */
  readonly ownSessions: () => ReadonlySet<number>;
}

/** A batch that is hidden from its pages, so that nobody but us has it in hand. */
export interface AdoptedBatch {
  readonly bid: number;
  readonly uid: number;
  /** Seconds since 1970 of its creation. */
  readonly created: number;
}

/** What is remembered of one batch. */
interface Watched {
  /** What changes with each step of it. */
  print: string;
  /** Monotonic milliseconds since when that is so. */
  since: number;
  /** Connections that may be requests that have it in hand; undefined: not asked yet. */
  suspects: Set<number> | undefined;
  /** Monotonic milliseconds since when they are waited for. */
  waitingSince: number;
  /** Whether they were found gone. */
  cleared: boolean;
  /** What was told last. */
  told: string;
  /** Not to be adopted as it is now. */
  refused: boolean;
}

/**
 * Takes over batches of Drupal's own Batch API that their browser has left.
 *
 * First nothing of a batch may have changed for a while, and whoever may have had it in hand then
 * must be gone. Then it is hidden, so that no request can find it any more; and whoever may have
 * found it before must be gone, too, without having changed it. So nobody is left who could run an
 * operation of it.
 */
export class Adoption {
  readonly #options: AdoptionOptions;
  readonly #watched = new Map<number, Watched>();
  readonly #adopted = new Map<number, AdoptedBatch>();
  readonly #bystanders = new Bystanders();

  constructor(options: AdoptionOptions) {
    this.#options = options;
  }

  /** Looks once. Throws what the database throws. @returns those that we have in hand */
  async look(): Promise<readonly AdoptedBatch[]> {
    const { coreBatches } = this.#options.site;
    const prints = await coreBatches.prints(Date.now() / 1000 - longest);
    const there = new Set(prints.map(({ bid }) => bid));
    for (const map of [this.#watched, this.#adopted]) {
      for (const bid of map.keys()) if (!there.has(bid)) map.delete(bid);
    }
    const hidden = new Set(prints.flatMap(({ bid, isHidden }) => (isHidden ? [bid] : [])));
    for (const bid of this.#adopted.keys()) if (!hidden.has(bid)) this.#adopted.delete(bid);
    const others = prints.filter(({ bid }) => !this.#adopted.has(bid));
    if (others.length > 0) {
      const heads = await coreBatches.heads(others.map(({ bid }) => bid));
      await this.#lookAtConnections();
      for (const print of others) await this.#see(print, `${print.sum} ${heads.get(print.bid) ?? ''}`);
    }
    return [...this.#adopted.values()];
  }

  /** Gives one back to its pages. @param again whether it may be adopted another time, as it is now */
  async giveBack(bid: number, again: boolean): Promise<void> {
    await this.#options.site.coreBatches.giveBack(bid);
    this.#adopted.delete(bid);
    this.#watched.delete(bid);
    if (!again) this.#watched.set(bid, { ...fresh(''), refused: true });
  }

  /** One that was left alone may be adopted. */
  release(bid: number): void {
    this.#watched.delete(bid);
  }

  async #lookAtConnections(): Promise<void> {
    const { site, ownSessions } = this.#options;
    const own = ownSessions();
    const all = await site.coreBatches.connections();
    this.#bystanders.look(
      all.filter(({ id }) => !own.has(id)),
      performance.now(),
    );
  }

  async #see(found: CoreBatchPrint, print: string): Promise<void> {
    const known = this.#watched.get(found.bid);
    if (!known || (known.print !== '' && known.print !== print)) {
      if (found.isHidden && known && !found.isOurs) {
        // Somebody had it in hand all the same, and has saved it now: it is theirs.
        await this.giveBack(found.bid, true);
      }
      this.#watched.set(found.bid, fresh(print));
      // One that an earlier daemon has taken.
      if (found.isOurs) await this.#take(found.bid);
      return;
    }
    known.print = print;
    if (known.refused) return;
    await (found.isHidden ? this.#wait(found, known) : this.#judge(found, known));
  }

  /** Whether one that changes no more is left. */
  async #judge(found: CoreBatchPrint, known: Watched): Promise<void> {
    const now = performance.now();
    if (now - known.since < this.#options.after) return;
    if (!known.suspects) this.#suspect(found, known);
    if (!this.#areGone(known)) {
      if (now - known.waitingSince >= patience) {
        this.#tell(found.bid, known, 'requests, or other programs, that may have it in hand do not end');
      }
      return;
    }
    const trouble = await this.#trouble(found.bid);
    if (trouble !== undefined) {
      known.refused = true;
      if (trouble !== '') this.#tell(found.bid, known, trouble);
      return;
    }
    if (!(await this.#options.site.coreBatches.hide(found))) return;
    // From now on no request finds it; those that are open now may have done so before.
    await this.#lookAtConnections();
    this.#suspect({ ...found, isHidden: true }, known);
  }

  /** Whether one that is hidden is nobody's any more. */
  async #wait(found: CoreBatchPrint, known: Watched): Promise<void> {
    const { bid } = found;
    if (!known.suspects) this.#suspect(found, known);
    if (this.#areGone(known)) {
      // What they have saved just before they went is seen by the next look.
      if (known.cleared) await this.#take(bid, true);
      known.cleared = true;
    } else if (performance.now() - known.waitingSince >= patience) {
      await this.giveBack(bid, true);
    }
  }

  /** Notes who may have one in hand now. */
  #suspect({ bid, isHidden: hidden }: CoreBatchPrint, known: Watched): void {
    const { site, bus } = this.#options;
    known.suspects = this.#bystanders.since(known.since);
    known.waitingSince = performance.now();
    const connections = known.suspects.size;
    if (connections > 0) bus.emit('batch.awaited', { site: site.name, batch: bid, connections, hidden });
  }

  #areGone(known: Watched): boolean {
    known.suspects = this.#bystanders.left(known.suspects ?? new Set(), this.#options.after);
    return known.suspects.size === 0;
  }

  async #take(bid: number, isNew = false): Promise<void> {
    const row = await this.#options.site.batches.get(bid);
    const state = row && readBatch(row.data);
    if (!row || !state) return;
    const uid = state.hasOwner ? state.uid : (await this.#owner(bid, row.created)).uid;
    if (uid === undefined) {
      await this.giveBack(bid, false);
      return;
    }
    if (isNew && !(await this.#options.site.coreBatches.take(bid))) return;
    this.#adopted.set(bid, { bid, uid, created: row.created });
    this.#watched.delete(bid);
    if (isNew) this.#options.bus.emit('batch.adopted', { site: this.#options.site.name, batch: bid, uid });
  }

  /** Why one may not be adopted; empty: it is none of those that are. */
  async #trouble(bid: number): Promise<string | undefined> {
    const row = await this.#options.site.batches.get(bid);
    const state = row && readBatch(row.data);
    if (!state?.isPaged || state.over !== undefined) return '';
    return state.hasOwner ? undefined : (await this.#owner(bid, row?.created ?? 0)).trouble;
  }

  async #owner(bid: number, begun: number): Promise<{ readonly uid?: number; readonly trouble?: string }> {
    const [uid, another] = await this.#options.site.coreBatches.owners(bid, begun);
    if (uid === undefined) return { trouble: 'the session that has begun it cannot be found' };
    if (another !== undefined) return { trouble: 'sessions of several users name it' };
    return { uid };
  }

  #tell(bid: number, known: Watched, reason: string): void {
    if (known.told === reason) return;
    known.told = reason;
    this.#options.bus.emit('batch.not-adopted', { site: this.#options.site.name, batch: bid, reason });
  }
}

function fresh(print: string): Watched {
  return {
    print,
    since: performance.now(),
    suspects: undefined,
    waitingSince: 0,
    cleared: false,
    told: '',
    refused: false,
  };
}
