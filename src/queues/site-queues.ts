import type { Ending } from '../outcome/past-runs.js';
import { errandPlace } from '../scheduler/errand-place.js';
import type { OwnStart } from '../scheduler/start-own.js';
import { countItems } from '../workers/queue-counts.js';
import type { Drain } from './drain.js';
import { DrainStarter, type DrainStarterOptions } from './drain-starter.js';
import { Drains, type DrainsOptions } from './drains.js';
import { Elsewhere } from './elsewhere.js';
import { ItemKeeper, type ItemRules } from './item-keeper.js';
import { QueueFacts } from './queue-facts.js';
import { QueuePauses } from './queue-pauses.js';
import { chooseDrains, planQueues, type PlannedQueue } from './queue-plan.js';
import { Rhythm } from './rhythm.js';

/** Milliseconds between two looks for leases that have ended, and for items that are done. */
const leaseInterval = 10_000;
const purgeInterval = 60_000;

export interface QueueSettings extends ItemRules {
  /** Workers by pattern of a queue's name. */
  readonly slots: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly lease: number;
}

export interface SiteQueuesOptions extends DrainsOptions, DrainStarterOptions {
  readonly settings: QueueSettings;
  /** Whether everything is left to the sites again. */
  readonly isDetached: () => boolean;
}

/** The queues of one site, and the workers that work them off. */
export class SiteQueues {
  readonly keeper: ItemKeeper;
  /** Those that are not kept in the site's database. */
  readonly elsewhere: Elsewhere;
  readonly #options: SiteQueuesOptions;
  readonly #drains: Drains;
  readonly #starter: DrainStarter;
  readonly #facts: QueueFacts;
  readonly #pauses = new QueuePauses();
  readonly #rhythm = new Rhythm();
  /** Queues that are worked off because of an entry, until they are empty, by the handle of their processes. */
  readonly #asked = new Map<string, PlannedQueue>();
  /** When a worker of each queue began last (monotonic milliseconds). */
  readonly #begun = new Map<string, number>();
  #starves = false;

  constructor(options: SiteQueuesOptions) {
    this.#options = options;
    this.#facts = new QueueFacts(options.site);
    this.keeper = new ItemKeeper(options.site, options.settings, options.bus);
    const { site, settings, bus } = options;
    this.elsewhere = new Elsewhere({
      ask: (queues) => countItems(errandPlace(site, bus, settings.settleTimeout), queues),
      pause: settings.pause,
      onPause: (queue, reason, pauseMs) => bus.emit('queue.paused', { site: site.name, queue, reason, pauseMs }),
    });
    this.#drains = new Drains(options, this.keeper, (queue) => this.#isProcesses(queue));
    this.#starter = new DrainStarter(options, this.#drains, settings.lease);
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
    if (queue.unusable !== '') return { reason: `nobody can work off the queue ${name} (${queue.unusable})` };
    const started = await this.#starter.start(queue, handle);
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
    await this.#facts.look();
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
    for (const name of this.elsewhere.due(queues.filter(({ table }) => !table).map((queue) => queue.name))) {
      waiting.set(name, 1);
    }
    for (const { name } of queues) {
      if (this.#pauses.holds(name)) {
        waiting.delete(name);
      }
    }
    for (const queue of chooseDrains(queues, waiting, this.#drains.count(), room(), this.#begun)) {
      this.#begun.set(queue.name, performance.now());
      this.elsewhere.begun(queue.name);
      if ((await this.#starter.startFree(queue)) === 'there') {
        // One that an earlier daemon has left waiting: the sweep takes it.
        this.#pauses.over(queue.name, false);
      }
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
      const { name, table } = queue;
      if (this.#drains.has(handle) || this.#pauses.holds(name)) continue;
      const more = table
        ? (await site.queue.claimable(new Map([[name, 1]]))).size > 0
        : // Its last worker has found something, and nothing failed.
          this.elsewhere.isReady(name);
      if (!more) {
        this.#asked.delete(handle);
      } else {
        const started = await this.#starter.start(queue, handle);
        if (started !== 'started') this.#pauses.over(name, false);
      }
    }
  }

  #over({ queue, begun, elsewhere }: Drain, { run }: Ending): void {
    // Somebody does not want it to go on, or it took too long.
    if (run.outcome === 'cancelled' || run.outcome === 'timed-out') this.#asked.delete(run.handle);
    if (this.#isTable(queue)) {
      this.#pauses.over(queue, begun > 0);
    } else {
      this.elsewhere.over(queue, elsewhere);
    }
  }

  #isProcesses(queue: string): boolean {
    return this.plan().find(({ name }) => name === queue)?.processes ?? /^(background_process|bgp:.*)$/s.test(queue);
  }

  #isTable(queue: string): boolean {
    return this.plan().find(({ name }) => name === queue)?.table ?? true;
  }
}
