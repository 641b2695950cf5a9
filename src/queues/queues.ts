import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { Ending } from '../outcome/past-runs.js';
import { queueCallback } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { OwnStart } from '../scheduler/start-own.js';
import type { LedgerEnding } from '../store/ledger-line.js';
import { StoreGuard } from '../store/store-guard.js';
import { SiteQueues, type SiteQueuesOptions } from './site-queues.js';

/** Milliseconds between two looks, and after which the same trouble is told again. */
const interval = 500;
const reminder = 60_000;

export interface QueuesOptions extends Omit<SiteQueuesOptions, 'site'> {
  readonly sites: readonly ServedSite[];
  /** What workers of an earlier daemon have left, and it did not see to. */
  readonly left: readonly LedgerEnding[];
  /** Processes that run at the same time. */
  readonly slots: () => number;
}

/**
 * Queues that a site's cron would work off: their items run as soon as they are
 * created, in workers of their own, which take half of the slots at most: what people
 * have started does not wait behind them.
 */
export class Queues extends BaseComponent {
  readonly name = 'queues';
  readonly #options: QueuesOptions;
  readonly #sites: ReadonlyMap<ServedSite, SiteQueues>;
  readonly #looks = new Repeated(() => this.#look());
  readonly #guard: StoreGuard;
  #turn = 0;

  constructor(options: QueuesOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
    this.#sites = new Map(options.sites.map((site) => [site, new SiteQueues({ ...options, site })]));
    for (const { run, log, left = [] } of options.left) {
      this.#pass({ run, log, token: '', steps: left });
    }
  }

  /** Works off a queue of a site until it is empty; see `SiteQueues`. Throws what the database throws. */
  async drain(site: ServedSite, queue: string, handle: string): Promise<OwnStart | { readonly reason: string }> {
    return (await this.#sites.get(site)?.drain(queue, handle)) ?? { reason: 'its site is not served any more' };
  }

  /** Whether that goes on. */
  drains(site: ServedSite, handle: string): boolean {
    return this.#sites.get(site)?.worksOff(handle) ?? false;
  }

  /** No further process goes on with it. */
  leave(site: ServedSite, handle: string): void {
    this.#sites.get(site)?.leave(handle);
  }

  /** Each site with its queues. */
  get all(): ReadonlyMap<ServedSite, SiteQueues> {
    return this.#sites;
  }

  /** A run has ended; whichever. */
  ended(ending: Ending): void {
    if (ending.run.callback !== queueCallback) return;
    this.#pass(ending);
    this.#looks.now();
  }

  /** Has every worker end behind its present item: the daemon stops. */
  windUp(): void {
    for (const queues of this.#sites.values()) {
      queues.windUp();
    }
  }

  /** Names of a site's queues that are worked off here: cron has to leave them alone. */
  namesOf(site: ServedSite): string[] {
    const plan = site.belonging === 'copied' ? [] : (this.#sites.get(site)?.plan() ?? []);
    return plan.filter(({ limit }) => limit > 0).map(({ name }) => name);
  }

  protected override onStart(): void {
    this.#looks.start(interval);
    this.#looks.now();
  }

  protected override async onStop(): Promise<void> {
    await this.#looks.stop();
    // What the last of them have left.
    await this.#look();
  }

  #pass(ending: Ending): void {
    for (const [site, queues] of this.#sites) {
      if (site.name === ending.run.site) {
        queues.ended(ending);
      }
    }
  }

  async #look(): Promise<void> {
    const all = [...this.#sites];
    // In turn: when there is little room, another site is the first each time.
    this.#turn = (this.#turn + 1) % Math.max(1, all.length);
    const ordered = [...all.slice(this.#turn), ...all.slice(0, this.#turn)];
    await Promise.all(ordered.map(([site, queues]) => this.#guard.run(site, () => queues.look(() => this.#room()))));
    const found = [...this.#sites.values()];
    if (this.#room() <= 0 && found.some(({ starves }) => starves)) {
      found.sort((one, other) => other.size - one.size)[0]?.yieldOne();
    }
  }

  #room(): number {
    let busy = 0;
    for (const queues of this.#sites.values()) {
      busy += queues.size;
    }
    return Math.max(1, Math.floor(this.#options.slots() / 2)) - busy;
  }
}
