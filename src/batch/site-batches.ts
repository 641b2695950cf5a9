import type { EventBus } from '../events/bus.js';
import type { StartTaker } from '../intake/accept-start.js';
import type { Ending } from '../outcome/past-runs.js';
import { batchCallback, batchFinishCallback, coreBatchCallback, runsBatch } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot } from '../scheduler/start-own.js';
import type { BatchProgress } from '../store/batch-table.js';
import { Backoff } from '../support/backoff.js';
import { Adoption } from './adoption.js';
import { readBatch } from './batch-state.js';
import {
  handleOfBatch,
  handleOfFinish,
  openAdopted,
  openOfModule,
  withProcess,
  type OpenBatch,
} from './open-batches.js';

/** The service host that the module background_batch names. */
const batchHost = 'background_batch';

/** Milliseconds for which the process of a batch must be missing before another one is started. */
const missingFor = 1_000;

/** Milliseconds between two looks for batches that nobody has come back for, and how long these are kept. */
const purgeInterval = 600_000;
const keep = 86_400_000;

/** What batches need of the daemon. */
export interface SiteBatchesOptions {
  readonly site: ServedSite;
  readonly taker: StartTaker<ServedSite>;
  readonly bus: EventBus;
  readonly isDetached: () => boolean;
  /** Names of the service hosts whose processes this daemon runs. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
  /** Milliseconds after which a batch that is done is finished here. */
  readonly finishAfter: number;
  /** Milliseconds after which one of Drupal's own Batch API is carried on that its browser has left; undefined: never. */
  readonly adoptAfter: number | undefined;
  /** Numbers of database sessions of our own workers. */
  readonly ownSessions: () => ReadonlySet<number>;
}

/** What is remembered of one batch. */
interface Known {
  /** Monotonic milliseconds at which its process was found missing. */
  missing: number | undefined;
  /** Before then nothing is started for it (monotonic milliseconds). */
  until: number;
  /** Its share at the last start. */
  share: number;
  readonly backoff: Backoff;
  /** Why its last process ended badly. */
  sentence: string;
  /** Somebody has ended its last process. */
  ended: boolean;
  /** Somebody has ended its process, or the site has refused it, and nobody has begun another one. */
  cancelled: boolean;
}

/** The batches of one site: goes on with those whose process is gone, and finishes those that nobody comes back for. */
export class SiteBatches {
  readonly #options: SiteBatchesOptions;
  readonly #known = new Map<number, Known>();
  /** Undefined while batches of Drupal's own Batch API are left to their browsers. */
  readonly #adoption: Adoption | undefined;
  #isGivenBack = false;
  #purged = performance.now();

  constructor(options: SiteBatchesOptions) {
    this.#options = options;
    const { adoptAfter: after } = options;
    if (after !== undefined) this.#adoption = new Adoption({ ...options, after });
  }

  /** Whether batches of this site may be looked at, because somebody here has them in hand. */
  get areServed(): boolean {
    return this.#hasModule || this.#adoption !== undefined;
  }

  /** Which batches only their browsers drive: of Drupal's own Batch API, and not in our hands. */
  async inBrowsers(): Promise<(bid: number) => boolean> {
    if (this.#hasModule) return () => false;
    const hidden = new Set(await this.#options.site.coreBatches.hidden());
    return (bid) => !hidden.has(bid);
  }

  /** Why the last process of a batch ended badly, and whether somebody wanted it to; empty: it did not, or nobody knows. */
  lastOf(handle: string): { readonly sentence: string; readonly ended: boolean } {
    const bid = bidOf(handle);
    const { sentence = '', ended = false } = (bid === undefined ? undefined : this.#known.get(bid)) ?? {};
    return { sentence, ended };
  }

  /** A process of a batch has ended. */
  ended({ run }: Ending): void {
    const bid = bidOf(run.handle);
    if (bid === undefined || !runsBatch(run.callback)) return;
    const known = this.#of(bid);
    known.sentence = run.sentence;
    known.ended = run.outcome === 'cancelled';
    // One that may not run, because its starter is gone for instance, may not the next time either.
    known.cancelled = known.ended || run.outcome === 'refused';
    if (run.started === undefined) {
      known.until = performance.now() + known.backoff.next();
    }
    // Its worker is gone: no other one is about to follow.
    known.missing = -Infinity;
  }

  /** Lets a batch go on that was ended by somebody. */
  release(bid: number): void {
    this.#known.delete(bid);
    this.#of(bid).missing = -Infinity;
    this.#adoption?.release(bid);
  }

  /** Name of the service host for processes of batches; undefined: they are not run here. */
  get host(): string | undefined {
    const { site, hostsOf } = this.#options;
    const hosts = hostsOf(site);
    if (hosts.includes(batchHost)) return batchHost;
    return site.facts && batchHost in site.facts.serviceHosts ? undefined : hosts[0];
  }

  /** Looks once. Throws what the database throws. */
  async look(): Promise<void> {
    const { site, taker, isDetached } = this.#options;
    if (taker.closed || !site.isOpen) return;
    const adoption = this.#hasModule || isDetached() ? undefined : this.#adoption;
    if (!adoption) await this.#giveBackAll();
    if (isDetached() || !(this.#hasModule || adoption)) return;
    const host = this.host;
    if (host === undefined) return;
    const adopted = await adoption?.look();
    const open = adopted ? await openAdopted(site, adopted) : await openOfModule(site);
    const there = new Set(open.map(({ bid }) => bid));
    for (const bid of this.#known.keys()) {
      if (!there.has(bid)) this.#known.delete(bid);
    }
    const running = await withProcess(site, [...there]);
    for (const progress of open) {
      if (running.has(progress.bid)) {
        const known = this.#known.get(progress.bid);
        if (known) Object.assign(known, { missing: undefined, cancelled: false });
      } else if (adoption) {
        await this.#seeAdopted(progress, adoption, host);
      } else {
        await this.#see(progress, host);
      }
    }
    if (performance.now() - this.#purged >= purgeInterval) {
      this.#purged = performance.now();
      await site.batches.purge((Date.now() - keep) / 1000);
    }
  }

  get #hasModule(): boolean {
    return this.#options.site.facts?.modules.background_batch?.enabled === true;
  }

  /** Gives back what was hidden from its pages and is not to be, once its process has ended. */
  async #giveBackAll(): Promise<void> {
    const { site } = this.#options;
    if (this.#isGivenBack) return;
    const hidden = await site.coreBatches.hidden();
    const running = await withProcess(site, hidden);
    for (const bid of hidden) {
      if (!running.has(bid)) await site.coreBatches.giveBack(bid);
    }
    this.#isGivenBack = running.size === 0;
  }

  async #see(progress: BatchProgress, host: string): Promise<void> {
    const known = this.#of(progress.bid);
    const now = performance.now();
    known.missing ??= now;
    if (known.cancelled || now < known.until) return;
    if (progress.share >= 1) {
      if (Date.now() - progress.told * 1000 >= this.#options.finishAfter) {
        await this.#start(known, progress, batchFinishCallback, host);
      }
    } else if (now - known.missing >= missingFor) {
      await this.#start(known, progress, batchCallback, host);
    }
  }

  async #seeAdopted(open: OpenBatch, adoption: Adoption, host: string): Promise<void> {
    const known = this.#of(open.bid);
    const row = await this.#options.site.batches.get(open.bid);
    const over = row && readBatch(row.data)?.over;
    if (over === 'finished') {
      await adoption.giveBack(open.bid, false);
    } else if (known.cancelled || (open.ended && over === undefined)) {
      // It may not run here, or somebody does not want it to: its pages can go on with it.
      await adoption.giveBack(open.bid, false);
      this.#known.delete(open.bid);
    } else if (performance.now() >= known.until) {
      // Nobody can ask for the end of one that is hidden.
      await this.#start(known, open, over === undefined ? coreBatchCallback : batchFinishCallback, host);
    }
  }

  async #start(known: Known, { bid, share, uid }: OpenBatch, callback: string, host: string): Promise<void> {
    const { site, taker, bus } = this.#options;
    if (share > known.share) known.backoff.reset();
    known.share = share;
    known.until = performance.now() + known.backoff.next();
    const row = await site.batches.get(bid);
    const state = row && readBatch(row.data);
    if (!state) {
      // Gone in this moment, or nothing that a process could go on with.
      if (row) bus.emit('batch.not-started', { site: site.name, batch: bid, reason: 'its row cannot be read' });
      return;
    }
    const handle = callback === batchFinishCallback ? handleOfFinish(bid) : handleOfBatch(bid);
    const process = { handle, callback, serviceHost: host, uid: uid ?? state.uid };
    const started = await startOwn(taker, site, process, callback === coreBatchCallback ? [bid, process.uid] : [bid]);
    const reason = whyNot(started, handle);
    if (reason !== undefined) {
      bus.emit('batch.not-started', { site: site.name, batch: bid, reason });
    } else if (callback === batchFinishCallback) {
      bus.emit('batch.finishing', { site: site.name, batch: bid });
    } else if (callback === batchCallback || state.isOurs) {
      bus.emit('batch.resumed', { site: site.name, batch: bid, reason: known.sentence });
    }
  }

  #of(bid: number): Known {
    const known = this.#known.get(bid) ?? {
      missing: undefined,
      until: 0,
      share: 0,
      backoff: new Backoff({ firstMs: 250, maxMs: 60_000, jitter: 0 }),
      sentence: '',
      ended: false,
      cancelled: false,
    };
    this.#known.set(bid, known);
    return known;
  }
}

function bidOf(handle: string): number | undefined {
  const found = /^background_batch:(\d+)$/.exec(handle);
  return found ? Number(found[1]) : undefined;
}
