import type { StartTaker } from '../intake/accept-start.js';
import type { Ending } from '../outcome/past-runs.js';
import { queueCallback } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, type OwnStart } from '../scheduler/start-own.js';
import type { Drain } from './drain.js';
import { Drains, handleOf, type DrainsOptions } from './drains.js';
import { ItemKeeper, type ItemRules } from './item-keeper.js';
import { QueuePauses } from './queue-pauses.js';
import { chooseDrains, planQueues, type PlannedQueue } from './queue-plan.js';
import { Rhythm } from './rhythm.js';

/** Milliseconds between two looks whether there may be other queues, and until they are asked for anyway. */
const signatureInterval = 5_000;
const factsInterval = 600_000;

/** Milliseconds between two looks for leases that have ended, and for items that are done. */
const leaseInterval = 10_000;
const purgeInterval = 60_000;

export interface QueueSettings extends ItemRules {
  /** Workers by pattern of a queue's name. */
  readonly slots: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly lease: number;
}

export interface SiteQueuesOptions extends DrainsOptions {
  readonly settings: QueueSettings;
  readonly taker: StartTaker<ServedSite>;
  /** Whether everything is left to the sites again. */
  readonly isDetached: () => boolean;
  /** Name of the service host whose processes this daemon runs; empty: none. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
}

/** The queues of one site, and the workers that work them off. */
export class SiteQueues {
  readonly keeper: ItemKeeper;
  readonly #options: SiteQueuesOptions;
  readonly #drains: Drains;
  readonly #pauses = new QueuePauses();
  readonly #rhythm = new Rhythm();
  /** Queues that are worked off because of an entry, until they are empty, by the handle of their processes. */
  readonly #asked = new Map<string, PlannedQueue>();
  /** When a worker of each queue began last (monotonic milliseconds). */
  readonly #begun = new Map<string, number>();
  #signature: string | undefined;
  #starves = false;

  constructor(options: SiteQueuesOptions) {
    this.#options = options;
    this.keeper = new ItemKeeper(options.site, options.settings, options.bus);
    this.#drains = new Drains(options, this.keeper, (queue) => this.#isProcesses(queue));
  }

  /** Workers that wait or run. */
  get size(): number {
    return this.#drains.size;
  }

  get drains(): readonly Drain[] {
    return this.#drains.all;
  }

  /** Every queue that has a worker, with what is done about it. */
  plan(): PlannedQueue[] {
    const { site, settings, isDetached } = this.#options;
    const off = isDetached() ? 'detached' : site.config.queues === 'off' ? 'queues: off' : undefined;
    return planQueues(site.facts?.queues ?? [], settings.slots, off);
  }

  /**
   * Works off a queue until it is empty, by one process after another of this handle.
   *
   * @returns what became of the first of them, or why there is none
   * @throws what the database throws
   */
  async drain(name: string, handle: string): Promise<OwnStart | { readonly reason: string }> {
    const find = (): PlannedQueue | undefined => this.plan().find((queue) => queue.name === name);
    if (!find()) await this.#options.site.check();
    const queue = find();
    if (!queue) return { reason: `there is no queue ${name} that has a worker` };
    const started = await this.#start(queue, handle);
    if (started === 'started') this.#asked.set(handle, queue);
    return started;
  }

  /** Whether that goes on. */
  worksOff(handle: string): boolean {
    return this.#asked.has(handle) || this.#drains.has(handle);
  }

  /** No further process goes on with it. */
  leave(handle: string): void {
    this.#asked.delete(handle);
  }

  /** Whether a queue had work and not one worker at the last look. */
  get starves(): boolean {
    return this.#starves;
  }

  /** Has one worker make room for a queue that has none. */
  yieldOne(): void {
    this.#drains.yieldOne();
  }

  /** Has every worker end behind its present item: the daemon stops, or leaves everything to the sites. */
  windUp(): void {
    this.#drains.finishSoon(this.#options.isDetached() ? 'detached' : 'the daemon stops');
  }

  /** A run of a queue's worker has ended. */
  ended(ending: Ending): void {
    this.#drains.ended(ending);
  }

  /**
   * Looks once. Throws what the database throws.
   *
   * @param room how many workers more there may be
   */
  async look(room: () => number): Promise<void> {
    const { site, taker, settings } = this.#options;
    this.#starves = false;
    await this.#drains.seeEnds((drain, ending) => this.#over(drain, ending));
    await this.#drains.follow(settings.lease);
    if (!this.#drains.areHeard) {
      // What looks as if nobody had it may be in the hands of a worker that has not been heard of yet.
      return;
    }
    if (taker.closed || this.#options.isDetached()) {
      // Also those that were about to begin.
      this.windUp();
      return;
    }
    if (!site.facts || !site.isOpen) {
      return;
    }
    await this.#lookForChanges();
    this.#trim();
    await this.#goOn();
    const queues = this.plan().filter(({ limit }) => limit > 0);
    if (queues.length === 0) {
      return;
    }
    const tables = queues.filter(({ table }) => table);
    if (this.#rhythm.isDue('leases', leaseInterval)) {
      await site.queue.endLeases(
        tables.map(({ name }) => name),
        Math.floor(Date.now() / 1000),
        this.#drains.items,
      );
    }
    if (this.#rhythm.isDue('purge', purgeInterval)) {
      await (await this.keeper.book()).purge();
    }
    await this.keeper.release();
    const waiting = await site.queue.claimable(new Map(tables.map(({ name, limit }) => [name, limit])));
    for (const { name, table } of queues) {
      if (!table) {
        waiting.set(name, 1);
      }
      if (this.#pauses.holds(name)) {
        waiting.delete(name);
      }
    }
    for (const queue of chooseDrains(queues, waiting, this.#drains.count(), room(), this.#begun)) {
      this.#begun.set(queue.name, performance.now());
      await this.#begin(queue);
    }
    const counts = this.#drains.count();
    this.#starves = tables.some(({ name }) => waiting.has(name) && !counts.has(name));
  }

  /** Has workers end that a queue may not have any more: somebody has changed what is done about it. */
  #trim(): void {
    for (const { name, limit, reason = 'it has fewer workers now' } of this.plan()) {
      const own = this.#drains.all.filter(
        ({ queue, handle }) => queue === name && this.#options.scheduled(handle) === undefined,
      );
      this.#drains.finishSoon(
        reason,
        own.slice(limit).map(({ handle }) => handle),
      );
    }
  }

  /** Lets the next process of an entry begin, as long as its queue holds something. */
  async #goOn(): Promise<void> {
    const { site } = this.#options;
    for (const [handle, queue] of this.#asked) {
      if (this.#drains.has(handle) || this.#pauses.holds(queue.name)) continue;
      // Of a queue that is kept elsewhere nobody here knows how much it holds.
      const waiting = queue.table ? await site.queue.claimable(new Map([[queue.name, 1]])) : new Map<string, number>();
      if ((waiting.get(queue.name) ?? 0) === 0) {
        this.#asked.delete(handle);
      } else {
        const started = await this.#start(queue, handle);
        if (started !== 'started') this.#pauses.over(queue.name, false, queue.table);
      }
    }
  }

  #over({ queue, begun }: Drain, { run }: Ending): void {
    // Somebody does not want it to go on, or it took too long.
    if (run.outcome === 'cancelled' || run.outcome === 'timed-out') this.#asked.delete(run.handle);
    this.#pauses.over(queue, begun > 0, this.#isTable(queue));
  }

  async #lookForChanges(): Promise<void> {
    const { site } = this.#options;
    if (!this.#rhythm.isDue('signature', signatureInterval)) {
      return;
    }
    const signature = await site.queue.signature();
    const changed = this.#signature !== undefined && signature !== this.#signature;
    this.#signature = signature;
    if (this.#rhythm.isDue('facts', factsInterval, false) || changed) {
      await site.check();
    }
  }

  /** Makes the row of a worker and sends it through the door of all starts. */
  async #begin(queue: PlannedQueue): Promise<void> {
    const handle = this.#freeHandle(queue);
    if (handle === undefined) {
      return;
    }
    if ((await this.#start(queue, handle)) === 'there') {
      // One that an earlier daemon has left waiting: the sweep takes it.
      this.#pauses.over(queue.name, false, queue.table);
    }
  }

  async #start(queue: PlannedQueue, handle: string): Promise<OwnStart> {
    const { site, taker, hostsOf, settings } = this.#options;
    this.#drains.add(queue.name, handle);
    try {
      const process = { handle, callback: queueCallback, serviceHost: hostsOf(site)[0] ?? '' };
      const options = { seconds: queue.seconds, lease: leaseSeconds(queue, settings.lease) };
      const started = await startOwn(taker, site, process, [queue.name, options]);
      if (started !== 'started') {
        this.#drains.remove(handle);
      }
      return started;
    } catch (error) {
      this.#drains.remove(handle);
      throw error;
    }
  }

  #freeHandle({ name, limit }: PlannedQueue): string | undefined {
    for (let number = 1; number <= limit; number += 1) {
      const handle = handleOf(name, number);
      if (!this.#drains.has(handle)) {
        return handle;
      }
    }
    return undefined;
  }

  #isProcesses(queue: string): boolean {
    return this.plan().find(({ name }) => name === queue)?.processes ?? /^(background_process|bgp:.*)$/s.test(queue);
  }

  #isTable(queue: string): boolean {
    return this.plan().find(({ name }) => name === queue)?.table ?? true;
  }
}

/** Seconds; nobody here can renew a lease that is kept elsewhere. */
function leaseSeconds({ table }: PlannedQueue, leaseMs: number): number {
  return table ? Math.ceil(leaseMs / 1000) : Math.max(3_600, Math.ceil(leaseMs / 1000));
}
