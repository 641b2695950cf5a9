import type { EventBus } from '../events/bus.js';
import type { StartTaker } from '../intake/accept-start.js';
import type { Ending } from '../outcome/past-runs.js';
import { batchCallback, batchFinishCallback } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot } from '../scheduler/start-own.js';
import type { BatchProgress } from '../store/batch-table.js';
import { Backoff } from '../support/backoff.js';
import { readBatch } from './batch-state.js';

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
  /** Somebody has ended its process, or the site has refused it, and nobody has begun another one. */
  cancelled: boolean;
}

/** The name of the process of a batch. */
export function handleOfBatch(bid: number): string {
  return `background_batch:${bid}`;
}

/** The name of the process that finishes it. */
function handleOfFinish(bid: number): string {
  return `drupald_batch:${bid}`;
}

/** The batches of one site: goes on with those whose process is gone, and finishes those that nobody comes back for. */
export class SiteBatches {
  readonly #options: SiteBatchesOptions;
  readonly #known = new Map<number, Known>();
  #purged = performance.now();

  constructor(options: SiteBatchesOptions) {
    this.#options = options;
  }

  /** Why the last process of a batch ended badly; empty: it did not, or nobody knows. */
  sentenceOf(handle: string): string {
    const bid = bidOf(handle);
    return (bid === undefined ? undefined : this.#known.get(bid))?.sentence ?? '';
  }

  /** A process of a batch has ended. */
  ended({ run }: Ending): void {
    const bid = bidOf(run.handle);
    if (bid === undefined || run.callback !== batchCallback) return;
    const known = this.#of(bid);
    known.sentence = run.sentence;
    // One that may not run, because its starter is gone for instance, may not the next time either.
    known.cancelled = run.outcome === 'cancelled' || run.outcome === 'refused';
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
    if (taker.closed || isDetached() || !site.isOpen || site.facts?.modules.background_batch?.enabled !== true) return;
    const host = this.host;
    if (host === undefined) return;
    const found = await site.batches.progress();
    const there = await site.batches.existing(found.map(({ bid }) => bid));
    for (const bid of this.#known.keys()) {
      if (!there.has(bid)) this.#known.delete(bid);
    }
    const open = found.filter(({ bid }) => there.has(bid));
    const handles = open.flatMap(({ bid }) => [handleOfBatch(bid), handleOfFinish(bid)]);
    const rows = handles.length === 0 ? [] : await site.store.find(handles);
    const running = new Set(rows.map(({ handle }) => handle));
    for (const progress of open) {
      if (running.has(handleOfBatch(progress.bid)) || running.has(handleOfFinish(progress.bid))) {
        const known = this.#known.get(progress.bid);
        if (known) Object.assign(known, { missing: undefined, cancelled: false });
      } else {
        await this.#see(progress, host);
      }
    }
    if (performance.now() - this.#purged >= purgeInterval) {
      this.#purged = performance.now();
      await site.batches.purge((Date.now() - keep) / 1000);
    }
  }

  async #see(progress: BatchProgress, host: string): Promise<void> {
    const known = this.#of(progress.bid);
    const now = performance.now();
    known.missing ??= now;
    if (known.cancelled || now < known.until) return;
    if (progress.share >= 1) {
      if (Date.now() - progress.told * 1000 >= this.#options.finishAfter) {
        await this.#start(known, progress, batchFinishCallback, handleOfFinish(progress.bid), host);
      }
    } else if (now - known.missing >= missingFor) {
      await this.#start(known, progress, batchCallback, handleOfBatch(progress.bid), host);
    }
  }

  async #start(
    known: Known,
    { bid, share }: BatchProgress,
    callback: string,
    handle: string,
    host: string,
  ): Promise<void> {
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
    const process = { handle, callback, serviceHost: host, uid: state.uid };
    const started = await startOwn(taker, site, process, [bid]);
    const reason = whyNot(started, handle);
    if (reason !== undefined) {
      bus.emit('batch.not-started', { site: site.name, batch: bid, reason });
    } else if (callback === batchCallback) {
      bus.emit('batch.resumed', { site: site.name, batch: bid, reason: known.sentence });
    } else {
      bus.emit('batch.finishing', { site: site.name, batch: bid });
    }
  }

  #of(bid: number): Known {
    const known = this.#known.get(bid) ?? {
      missing: undefined,
      until: 0,
      share: 0,
      backoff: new Backoff({ firstMs: 250, maxMs: 60_000, jitter: 0 }),
      sentence: '',
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
