import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { BatchRules } from '../config/config.js';
import type { Ending } from '../outcome/past-runs.js';
import { batchFinishCallback, runsBatch } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { StoreGuard } from '../store/store-guard.js';
import type { BatchJob } from '../workers/protocol.js';
import { SiteBatches, type SiteBatchesOptions } from './site-batches.js';

/** Milliseconds between two looks. */
const interval = 1_000;

/** Milliseconds after which the same trouble is told again. */
const reminder = 60_000;

export interface BatchesOptions extends Omit<SiteBatchesOptions, 'site' | 'finishAfter' | 'adoptAfter'> {
  readonly sites: readonly ServedSite[];
  readonly rules: BatchRules;
}

/** Batches come to their end whether a page asks for it or not. */
export class Batches extends BaseComponent {
  readonly name = 'batches';
  readonly #options: BatchesOptions;
  readonly #sites: ReadonlyMap<ServedSite, SiteBatches>;
  readonly #looks = new Repeated(() => this.#look());
  readonly #guard: StoreGuard;

  constructor(options: BatchesOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
    const { finishAfter, adoptAfter } = options.rules;
    this.#sites = new Map(
      options.sites.map((site) => [site, new SiteBatches({ ...options, finishAfter, adoptAfter, site })]),
    );
  }

  /** Each site with its batches. */
  get all(): ReadonlyMap<ServedSite, SiteBatches> {
    return this.#sites;
  }

  /** How a worker is to run a batch. */
  jobOf({ site, handle }: { readonly site: ServedSite; readonly handle: string }): BatchJob {
    const { save, onFailure, retries } = this.#options.rules;
    const last = this.#sites.get(site)?.lastOf(handle);
    return { save: save === 'each' ? 0 : save / 1000, onFailure, retries, ...last };
  }

  /** A run has ended; whichever. */
  ended(ending: Ending): void {
    if (!runsBatch(ending.run.callback) && ending.run.callback !== batchFinishCallback) return;
    for (const [site, batches] of this.#sites) {
      if (site.name === ending.run.site) batches.ended(ending);
    }
    // Whoever has told it may still be under way.
    setImmediate(() => this.#lookNow());
  }

  /** Looks at once. */
  now(): void {
    this.#lookNow();
  }

  protected override onStart(): void {
    this.#looks.start(interval);
  }

  protected override onStop(): Promise<void> {
    return this.#looks.stop();
  }

  #lookNow(): void {
    if (this.state === 'started') this.#looks.now();
  }

  async #look(): Promise<void> {
    await Promise.all([...this.#sites].map(([site, batches]) => this.#guard.run(site, () => batches.look())));
  }
}
