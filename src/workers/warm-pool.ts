import { randomUUID } from 'node:crypto';

import { BaseComponent } from '../components/component.js';
import type { EventBus } from '../events/bus.js';
import type { StartContext } from '../sites/request.js';
import type { SiteUri } from '../sites/site-uri.js';
import { Backoff } from '../support/backoff.js';
import { Arrivals } from './arrivals.js';
import type { ForkerPlace } from './forker.js';
import { zygoteJob, type JobPlace } from './jobs.js';
import type { Origin } from './shared-pool.js';
import { Spares } from './spares.js';
import type { Worker, WorkerSource } from './worker.js';
import type { WorkerSocket } from './worker-socket.js';
import { startZygote, type Zygote } from './zygote.js';

/** A zygote on a site that is slow to load may be this many times older than it took to load. */
const ageFactor = 20;

/** Part of its age at which a zygote is replaced while work flows. */
const renewAt = 0.75;

export interface WarmPoolOptions {
  readonly source: WorkerSource;
  readonly socket: WorkerSocket;
  readonly bus: EventBus;
  readonly place: JobPlace;
  readonly forkerPlace: ForkerPlace;
  readonly uri: SiteUri;
  /** Milliseconds. */
  readonly bootTimeout: number;
  /** Milliseconds that a zygote may be used, because REQUEST_TIME is fixed in it. */
  readonly maxAge: number;
  /** Most workers that may wait for a job. */
  readonly sparesMax: number;
}

/** What is known of a run that needs a worker. */
export interface WarmWanted {
  readonly context: StartContext;
  /** What PHP is to see as $_SERVER. */
  readonly server: Readonly<Record<string, string>>;
  /** Monotonic milliseconds at which its start was accepted: whatever was changed before must be seen. */
  readonly arrivedAt: number;
  /** Whether others wait for a slot: then nothing is done ahead. */
  readonly crowded: boolean;
}

/** Whether a site can be kept loaded for its processes. */
export interface LoadedSite {
  /** Why not. */
  readonly unfit: string | undefined;
  /** Keys of $_SERVER that its settings read and that differ between starts; "*": something that cannot be told. */
  readonly reads: readonly string[];
}

/** A worker of a zygote before its first job. */
export interface LoadedWorker extends Required<Origin> {
  readonly worker: Worker;
}

interface Brood {
  readonly zygote: Zygote;
  readonly spares: Spares;
  readonly maxAge: number;
}

/**
 * Warm workers under one address of a site: a young zygote and spares of it.
 *
 * It never makes a run wait for a zygote: a start that finds none that is young
 * and true gets none, and boots for itself while one comes up.
 */
export class WarmPool extends BaseComponent {
  readonly name = 'warm-pool';
  readonly #options: WarmPoolOptions;
  readonly #arrivals = new Arrivals();
  readonly #backoff = new Backoff({ firstMs: 1_000, maxMs: 300_000 });
  #brood: Brood | undefined;
  #starting: Promise<void> | undefined;
  #notBefore = 0;
  #lastUse = Number.NEGATIVE_INFINITY;
  /** For how long a zygote of this site serves; not known before the first. */
  #usualAge = Number.POSITIVE_INFINITY;
  #flows = false;
  #context: StartContext | undefined;
  #timer: NodeJS.Timeout | undefined;
  #crowded = false;
  #unfit: string | undefined;

  constructor(options: WarmPoolOptions) {
    super();
    this.#options = options;
  }

  /** Milliseconds since 1970 from which on the files of a worker that is forked now may have been read. */
  get filesSince(): number {
    const { maxAge, zygote } = this.#brood ?? { maxAge: this.#options.maxAge, zygote: { bootMs: 0 } };
    return Date.now() - maxAge - zygote.bootMs;
  }

  /** Loads the site once, to see whether it can be kept loaded. */
  async probe(): Promise<LoadedSite> {
    if (!this.#brood) {
      await this.#begin();
    }
    return { unfit: this.#unfit, reads: this.#brood?.zygote.reads ?? [] };
  }

  /** Looks whether the zygote is still true; a start that came before then need not look again. */
  anticipate(): void {
    const brood = this.#brood;
    if (brood && isYoung(brood)) {
      brood.zygote.files.changedAt(performance.now());
    }
  }

  /** A worker in which the site is loaded as it is now; undefined: there is none. */
  async take(run: string, wanted: WarmWanted): Promise<Worker | undefined> {
    const now = performance.now();
    this.#flows = now - this.#lastUse < this.#usualAge;
    this.#lastUse = now;
    this.#arrivals.note(now);
    this.#context = wanted.context;
    this.#crowded = wanted.crowded;
    const brood = this.#brood;
    if (!brood || !isYoung(brood)) {
      return undefined;
    }
    const changed = brood.zygote.files.changedAt(wanted.arrivedAt);
    if (changed !== undefined) {
      this.discard(`${changed} has changed`);
      return undefined;
    }
    if (!brood.zygote.fits(wanted.server)) {
      return undefined;
    }
    const spare = brood.spares.take();
    if (spare) {
      return spare;
    }
    try {
      return await brood.zygote.forker.fork(run);
    } catch {
      // It has just ended; a fresh process will do.
      return undefined;
    }
  }

  /**
   * Makes what the next runs need: spares, or a zygote where starts come so often that it serves the next one.
   * To be called when a run has begun and not before, because it would hold up that run.
   */
  refill(): void {
    const brood = this.#brood;
    if (brood && isYoung(brood)) {
      this.#fill(brood);
    } else if (this.#flows) {
      this.#renew();
    }
  }

  /** A worker that waits for its first job, whoever it is for; undefined: the site cannot be kept loaded. */
  async spare(run: string): Promise<LoadedWorker | undefined> {
    if (!this.#brood || !isYoung(this.#brood)) {
      if (performance.now() < this.#notBefore) {
        return undefined;
      }
      await this.#begin();
    }
    const zygote = this.#brood?.zygote;
    if (!zygote) {
      return undefined;
    }
    try {
      const worker = await zygote.forker.fork(run, true);
      return { worker, server: zygote.server, watch: zygote.files, reads: zygote.reads, since: this.filesSince };
    } catch {
      return undefined;
    }
  }

  /** The zygote no longer stands for the site: its running workers go on, others are not made. */
  discard(why: string): void {
    const brood = this.#brood;
    if (brood) {
      this.#options.bus.emit('zygote.stale', {
        pid: brood.zygote.forker.pid,
        site: this.#options.uri.url,
        reason: why,
      });
      this.#retire();
    }
  }

  protected override onStart(): void {
    // The first start brings up the first zygote.
  }

  protected override onStop(): void {
    clearTimeout(this.#timer);
    this.#retire();
  }

  get #over(): boolean {
    return this.state === 'stopping' || this.state === 'stopped';
  }

  #retire(): void {
    const brood = this.#brood;
    this.#brood = undefined;
    brood?.spares.close();
    brood?.zygote.forker.quit();
  }

  #fill(brood: Brood): void {
    const peak = this.#arrivals.peak(performance.now());
    brood.spares.target = this.#crowded ? 1 : Math.min(this.#options.sparesMax, Math.max(2, peak + 1));
    brood.spares.fill();
  }

  #renew(): void {
    if (!this.#starting && !this.#over && performance.now() >= this.#notBefore) {
      void this.#begin();
    }
  }

  /** Several callers share one attempt. */
  #begin(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    const { source, socket, bus, place, uri, forkerPlace, bootTimeout, maxAge } = this.#options;
    try {
      const id = `zygote-${randomUUID()}`;
      const worker = await source.worker(id);
      const zygote = await startZygote(
        worker,
        zygoteJob(place, uri, id, this.#context),
        socket,
        forkerPlace,
        bootTimeout,
      );
      if (this.#over) {
        zygote.forker.quit();
        return;
      }
      this.#retire();
      const make = (): Promise<Worker> => zygote.forker.fork(`spare-${randomUUID()}`, !this.#crowded);
      this.#usualAge = Math.max(maxAge, ageFactor * zygote.bootMs);
      const brood = { zygote, spares: new Spares(make, 0), maxAge: this.#usualAge };
      this.#brood = brood;
      this.#unfit = undefined;
      this.#backoff.reset();
      bus.emit('zygote.started', { pid: zygote.forker.pid, site: uri.url, bootMs: Math.round(zygote.bootMs) });
      this.#fill(brood);
      this.#watch(brood);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#notBefore = performance.now() + this.#backoff.next();
      this.#unfit = reason;
      bus.emit('zygote.unfit', { site: uri.url, reason });
    }
  }

  /** While work flows the next zygote comes up before this one is too old; else it goes. */
  #watch(brood: Brood): void {
    clearTimeout(this.#timer);
    const age = performance.now() - brood.zygote.bornAt;
    const flowing = (now: number): boolean => now - this.#lastUse < brood.maxAge;
    this.#timer = setTimeout(
      () => {
        if (flowing(performance.now())) {
          this.#renew();
        }
        this.#timer = setTimeout(
          () => {
            if (this.#brood === brood) {
              this.#retire();
            }
          },
          brood.maxAge * (1 - renewAt),
        );
        this.#timer.unref();
      },
      Math.max(0, brood.maxAge * renewAt - age),
    );
    this.#timer.unref();
  }
}

function isYoung({ zygote, maxAge }: Brood): boolean {
  return performance.now() - zygote.bornAt <= maxAge;
}
