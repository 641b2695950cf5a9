import { randomUUID } from 'node:crypto';

import { BaseComponent } from '../components/component.js';
import type { Isolation } from '../config/config.js';
import type { SiteUri } from '../sites/site-uri.js';
import type { RunJob, Staying } from './protocol.js';
import type { SharedPool, SharedWorker } from './shared-pool.js';
import type { LoadedSite, WarmPool, WarmWanted } from './warm-pool.js';
import type { Worker, WorkerSource } from './worker.js';

/** Leaks after which a callback shares no worker any more. */
const leaksAllowed = 3;

/** Callbacks whose leaks are counted at most. */
const leakyCallbacks = 1_000;

/** A run that needs a worker. */
export interface WantedWorker {
  readonly job: RunJob;
  readonly id: string;
  readonly uri: SiteUri;
  readonly handle: string;
  readonly callback: string;
  readonly serviceHost: string;
  readonly context: WarmWanted['context'];
  /** Monotonic milliseconds at which its start was accepted. */
  readonly arrivedAt: number;
  /** Whether others wait for a slot. */
  readonly crowded: boolean;
  /** Whether it must boot for itself: a warm worker has said that it is stale. */
  readonly fresh: boolean;
}

/** What decides in which isolation a run is. */
type RuledWorker = Pick<WantedWorker, 'handle' | 'callback' | 'serviceHost'>;

/** A worker, and how it was made in the end: one that was to be warm may have to boot for itself. */
export interface TakenWorker {
  readonly worker: Worker;
  readonly isolation: Isolation;
  /** What to give it. */
  readonly job: RunJob;
  /** To be called when its callback has begun or never will: what is done ahead for others waits until then. */
  readonly begun?: (() => void) | undefined;
  /** To be called when it takes another job. */
  readonly giveBack?: ((staying: Staying) => void) | undefined;
}

export interface SiteWorkersOptions {
  /** Where processes come from that boot for themselves. */
  readonly source: WorkerSource;
  readonly isolationOf: (process: RuledWorker) => Isolation;
  /** Warm workers of one address of the site; undefined where PHP cannot fork. */
  readonly warm: (uri: SiteUri) => WarmPool;
  /** Workers of one address that run many. */
  readonly shared: () => SharedPool;
}

/** The workers of one site: each run gets one in the isolation that its callback asks for. */
export class SiteWorkers extends BaseComponent {
  readonly name = 'site-workers';
  readonly #options: SiteWorkersOptions;
  readonly #pools = new Map<SiteUri, WarmPool>();
  readonly #shared = new Map<SiteUri, SharedPool>();
  readonly #leaks = new Map<string, number>();
  readonly #preparing = new Set<SiteUri>();

  constructor(options: SiteWorkersOptions) {
    super();
    this.#options = options;
  }

  /** A worker for a run. @throws DrupaldError when PHP cannot be started. */
  async take(wanted: WantedWorker): Promise<TakenWorker> {
    const isolation = this.#isolationOf(wanted);
    const { id, job, uri } = wanted;
    const warm = { ...wanted, server: job.server };
    const begun = (): void => this.#pools.get(uri)?.refill();
    if (isolation === 'shared' && !wanted.fresh) {
      const shared = this.#sharedPool(uri);
      const rested = shared.take(warm);
      const resident = rested ?? (await this.#newResident(shared, id, uri, warm));
      if (resident) {
        const { worker, stay, giveBack } = resident;
        return { worker, isolation, job: { ...job, stay }, giveBack, ...(rested ? {} : { begun }) };
      }
      const worker = await this.#options.source.worker(id);
      return { worker, isolation: 'fresh', job, begun: () => void this.#prepare(shared, uri) };
    }
    if (isolation === 'process' && !wanted.fresh) {
      const worker = await this.#pool(uri).take(id, warm);
      if (worker) {
        return { worker, isolation, job, begun };
      }
    }
    const worker = await this.#options.source.worker(id);
    return { worker, isolation: isolation === 'cold' ? isolation : 'fresh', job, begun };
  }

  /**
   * A run has left something changed in a worker that others share.
   *
   * @returns whether its callback shares no worker any more, until the daemon is started anew
   */
  leaked(callback: string): boolean {
    const count = (this.#leaks.get(callback) ?? 0) + 1;
    if (this.#leaks.has(callback) || this.#leaks.size < leakyCallbacks) {
      this.#leaks.set(callback, count);
    }
    return count >= leaksAllowed;
  }

  #isolationOf(wanted: RuledWorker): Isolation {
    const wished = this.#options.isolationOf(wanted);
    return wished === 'shared' && (this.#leaks.get(wanted.callback) ?? 0) >= leaksAllowed ? 'process' : wished;
  }

  async #newResident(
    shared: SharedPool,
    id: string,
    uri: SiteUri,
    wanted: WarmWanted,
  ): Promise<SharedWorker | undefined> {
    const pool = this.#pool(uri);
    const worker = await pool.take(id, wanted);
    return worker && shared.adopt(worker, id, { server: wanted.server, since: pool.filesSince });
  }

  /** Starts that are to share a worker come too seldom to find a young zygote: one is made for the next. */
  async #prepare(shared: SharedPool, uri: SiteUri): Promise<void> {
    if (shared.hasWaiting || this.#preparing.has(uri)) {
      return;
    }
    this.#preparing.add(uri);
    const id = `resident-${randomUUID()}`;
    const made = await this.#pool(uri)
      .spare(id)
      .finally(() => this.#preparing.delete(uri));
    if (made) {
      shared.lay(made.worker, id, made);
    }
  }

  #sharedPool(uri: SiteUri): SharedPool {
    let pool = this.#shared.get(uri);
    if (!pool) {
      pool = this.#options.shared();
      this.#shared.set(uri, pool);
    }
    return pool;
  }

  /** A start may come at once: looks whether what is loaded is still true. */
  anticipate(uri: SiteUri): void {
    this.#pools.get(uri)?.anticipate();
  }

  /** A worker found that the site has changed since it was loaded. */
  stale(uri: SiteUri, what: string): void {
    this.#pools.get(uri)?.discard(`${what} changed`);
  }

  /** Whether an address of the site can be kept loaded. */
  async probe(uri: SiteUri): Promise<LoadedSite> {
    return this.#pool(uri).probe();
  }

  protected override onStart(): void {
    // Pools come up with the first run of their address.
  }

  protected override async onStop(): Promise<void> {
    for (const shared of this.#shared.values()) {
      shared.close();
    }
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
  }

  #pool(uri: SiteUri): WarmPool {
    let pool = this.#pools.get(uri);
    if (!pool) {
      pool = this.#options.warm(uri);
      this.#pools.set(uri, pool);
      void pool.start();
    }
    return pool;
  }
}
