import type { EventBus } from '../events/bus.js';
import type { Ending } from '../outcome/past-runs.js';
import { queueCallback } from '../process/own-callback.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { Drain } from './drain.js';
import type { ItemKeeper } from './item-keeper.js';
import { Rhythm } from './rhythm.js';

/** Milliseconds between two looks for drains that were dropped. */
const dropInterval = 5_000;

export interface DrainsOptions {
  readonly site: ServedSite;
  readonly bus: EventBus;
  /** Runs in hand. */
  readonly running: () => readonly RunRecord[];
  /** The queue of an entry of our own, by the handle of its processes; undefined: there is no such entry. */
  readonly scheduled: (handle: string) => string | undefined;
  /** Told of the run of a worker when nothing is left of its items. */
  readonly onSeen: (run: string) => void;
}

/** The workers of the queues of one site: what each of them has in hand, and what they leave. */
export class Drains {
  readonly #options: DrainsOptions;
  readonly #keeper: ItemKeeper;
  readonly #isProcesses: (queue: string) => boolean;
  readonly #drains = new Map<string, Drain>();
  readonly #endings: Ending[] = [];
  readonly #rhythm = new Rhythm();
  #areHeard = false;

  /** @param isProcesses whether a queue holds processes of Background Process */
  constructor(options: DrainsOptions, keeper: ItemKeeper, isProcesses: (queue: string) => boolean) {
    this.#options = options;
    this.#keeper = keeper;
    this.#isProcesses = isProcesses;
  }

  /** Workers that wait or run. */
  get all(): readonly Drain[] {
    return [...this.#drains.values()];
  }

  get size(): number {
    return this.#drains.size;
  }

  has(handle: string): boolean {
    return this.#drains.has(handle);
  }

  /** A worker is about to begin. */
  add(queue: string, handle: string): void {
    this.#drains.set(handle, new Drain({ queue, handle, processes: this.#isProcesses(queue) }));
  }

  /** It does not begin. */
  remove(handle: string): void {
    this.#drains.delete(handle);
  }

  /** Whether all that workers of an earlier daemon have told was known at the last follow(). */
  get areHeard(): boolean {
    return this.#areHeard;
  }

  /** Numbers of the items that they have in hand. */
  get items(): readonly number[] {
    return this.all.flatMap(({ item }) => item ?? []);
  }

  /** How many work off each queue. */
  count(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { queue } of this.#drains.values()) {
      counts.set(queue, (counts.get(queue) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Has workers end behind their present item.
   *
   * @param reason why, in words
   * @param handles which; all unless told
   */
  finishSoon(reason: string, handles?: readonly string[]): void {
    const { site, bus } = this.#options;
    for (const record of this.#records()) {
      const { handle } = record.dispatch;
      if ((handles?.includes(handle) ?? true) && record.finishSoon()) {
        bus.emit('queue.enough', { site: site.name, handle, reason });
      }
    }
  }

  /**
   * Has one worker end behind its present item, so that another queue gets its place: of the queue that has the
   * most, the one that began first. None, as long as one has been told already.
   */
  yieldOne(): void {
    const records = this.#records().filter(({ dispatch }) => this.#options.scheduled(dispatch.handle) === undefined);
    if (records.some(({ isEnough }) => isEnough)) {
      return;
    }
    const counts = this.count();
    const workers = (handle: string): number => counts.get(this.#drains.get(handle)?.queue ?? '') ?? 0;
    const [first] = records
      .filter(({ state }) => state === 'running')
      .sort(
        (one, other) =>
          workers(other.dispatch.handle) - workers(one.dispatch.handle) || one.dispatchedAt - other.dispatchedAt,
      );
    if (first) {
      this.finishSoon('another queue has none', [first.dispatch.handle]);
    }
  }

  /** A run of a queue's worker has ended, also of an earlier daemon. */
  ended(ending: Ending): void {
    this.#endings.push(ending);
  }

  /**
   * Sees to what workers that are gone have left behind. Throws what the database throws; then the rest is done the next time.
   *
   * @param onOver told of each of them
   */
  async seeEnds(onOver: (drain: Drain, ending: Ending) => void): Promise<void> {
    const { site, onSeen } = this.#options;
    for (let ending = this.#endings[0]; ending; ending = this.#endings[0]) {
      const { run } = ending;
      const drain = this.#drains.get(run.handle) ?? this.#adopt(run.handle);
      await drain.over(ending, this.#keeper, site.queue, (item) =>
        this.all.some((other) => other !== drain && other.says(item)),
      );
      this.#endings.shift();
      this.#drains.delete(run.handle);
      onSeen(run.id);
      onOver(drain, ending);
    }
  }

  /** Follows those that go on and renews the leases of their items. Throws what the database throws. */
  async follow(leaseMs: number): Promise<void> {
    const { site } = this.#options;
    const seen = new Set<string>();
    const records = this.#records();
    this.#areHeard = this.#endings.length === 0 && records.every(({ isHeard }) => isHeard);
    for (const record of records) {
      const { handle } = record.dispatch;
      seen.add(handle);
      if (!this.#hasEnded(handle)) {
        const drain = this.#drains.get(handle) ?? this.#adopt(handle);
        await drain.follow(record.steps, this.#keeper, site.queue);
        await drain.renew(site.queue, leaseMs, (step) => record.addStep(step));
      }
    }
    if (this.#rhythm.isDue('dropped', dropInterval)) {
      await this.#forgetDropped(seen);
    }
  }

  /** Those whose row went without a run. */
  async #forgetDropped(seen: ReadonlySet<string>): Promise<void> {
    const unseen = this.all.filter(({ handle }) => !seen.has(handle));
    const rows = unseen.length === 0 ? [] : await this.#options.site.store.find(unseen.map(({ handle }) => handle));
    for (const { handle } of unseen) {
      if (!this.#hasEnded(handle) && !rows.some((row) => row.handle === handle)) {
        this.#drains.delete(handle);
      }
    }
  }

  #records(): readonly RunRecord[] {
    const { site, running } = this.#options;
    return running().filter(({ dispatch }) => dispatch.site === site && dispatch.callback === queueCallback);
  }

  #hasEnded(handle: string): boolean {
    return this.#endings.some(({ run }) => run.handle === handle);
  }

  /** A worker that an earlier daemon began. */
  #adopt(handle: string): Drain {
    const queue = this.#options.scheduled(handle) ?? queueOf(handle);
    const drain = new Drain({ queue, handle, processes: this.#isProcesses(queue) });
    this.#drains.set(handle, drain);
    return drain;
  }
}

/** The name under which a queue's worker stands among the site's processes. */
export function handleOf(queue: string, number: number): string {
  return `${queueCallback}:${number}:${queue.slice(0, 220)}`;
}

/** The queue of a worker, by the name of its process. */
function queueOf(handle: string): string {
  return handle.split(':').slice(2).join(':');
}
