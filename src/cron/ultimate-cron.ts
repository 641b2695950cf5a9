import { schedule, type ScheduledTask } from 'node-cron';

import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { Ending } from '../outcome/past-runs.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import type { CronJob } from './cron-job.js';
import type { Upcoming } from './upcoming.js';
import { UltimateSite, type JobStart, type UltimateCronOptions } from './ultimate-site.js';

/** Milliseconds between two looks at what runs and at the pages. */
const interval = 1_000;

/** Milliseconds after which a look at the jobs is tried again that did not work, or was missed. */
const again = 5_000;

/**
 * Ultimate Cron 2.x: once a minute the site tells its jobs, the rules decide here which of them
 * are due, and each runs as a process of its own, under the lock and the log of the module.
 * Meanwhile no page starts cron.
 */
export class UltimateCron extends BaseComponent {
  readonly name = 'ultimate-cron';
  readonly #options: UltimateCronOptions;
  readonly #sites = new Map<ServedSite, UltimateSite>();
  /** Sites whose tables could not be read at the last look. */
  readonly #blind = new Set<ServedSite>();
  readonly #looks = new Repeated(() => this.#look());
  readonly #ticks = new Repeated(() => this.#tick());
  /** Monotonic milliseconds. */
  #tickedAt = 0;
  #task: ScheduledTask | undefined;

  constructor(options: UltimateCronOptions) {
    super();
    this.#options = options;
  }

  protected override onStart(): void {
    this.#task = schedule('* * * * *', () => this.#ticks.now());
    this.#looks.start(interval);
    this.#looks.now();
    this.#ticks.now();
  }

  protected override async onStop(): Promise<void> {
    await this.#task?.destroy();
    await Promise.all([this.#looks.stop(), this.#ticks.stop()]);
    await Promise.all([...this.#sites.values()].map((site) => site.stop()));
  }

  /** Jobs of all sites. */
  jobs(): CronJob[] {
    return this.#served().flatMap((site) => this.#of(site).jobs());
  }

  /** Whether cron of a site is run here. */
  has(site: ServedSite): boolean {
    return isOurs(site);
  }

  /** Ultimate Cron of one site. */
  of(site: ServedSite): UltimateSite {
    return this.#of(site);
  }

  /** When jobs of all sites are due. */
  upcoming(from: number): Upcoming[] {
    return this.#served().flatMap((site) => this.#of(site).upcoming(from));
  }

  /** Runs a job now, whatever its time is and although it may be off; its handle, or why it cannot. */
  run(site: ServedSite, name: string): Promise<JobStart> {
    return this.#of(site).run(name);
  }

  /** A run has ended; whichever. */
  ended(ending: Ending): void {
    const site = this.#options.sites.find(({ name }) => name === ending.run.site);
    if (site && isOurs(site)) this.#of(site).ended(ending);
  }

  async #tick(): Promise<void> {
    this.#tickedAt = performance.now();
    await Promise.all(this.#served().map((site) => this.#of(site).read()));
  }

  async #look(): Promise<void> {
    const served = this.#served();
    if (served.some((site) => !this.#of(site).seen) && performance.now() - this.#tickedAt >= again) {
      this.#ticks.now();
    }
    await Promise.all(
      served.map(async (site) => {
        try {
          await this.#of(site).keep();
          this.#blind.delete(site);
        } catch (error) {
          if (!this.#blind.has(site)) {
            this.#blind.add(site);
            this.#options.bus.emit('store.error', { site: site.name, reason: databaseReason(error), temporary: true });
          }
        }
      }),
    );
  }

  #served(): ServedSite[] {
    return this.#options.sites.filter(
      (site) => isOurs(site) && site.trouble === undefined && site.belonging !== 'copied',
    );
  }

  #of(site: ServedSite): UltimateSite {
    const found = this.#sites.get(site) ?? new UltimateSite(site, this.#options);
    this.#sites.set(site, found);
    return found;
  }
}

function isOurs(site: ServedSite): boolean {
  const module = site.facts?.modules.ultimate_cron;
  return site.config.cron !== 'off' && module?.enabled === true && /^7\.x-2|^$/.test(module.version);
}
