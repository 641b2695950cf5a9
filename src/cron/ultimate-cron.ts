import { BaseComponent } from '../components/component.js';
import type { Ending } from '../outcome/past-runs.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { ultimateVersion } from '../scheduler/ultimate-version.js';
import type { CronJob } from './cron-job.js';
import type { CronTools } from './cron-tools.js';
import { MinuteTick } from './minute-tick.js';
import type { Upcoming } from './upcoming.js';
import { UltimateSite, type JobStart } from './ultimate-site.js';

/** Milliseconds between two looks at what runs and at the pages. */
const interval = 1_000;

/**
 * Ultimate Cron 1.x and 2.x: once a minute the site tells its jobs, the rules decide here which of them
 * are due, and each runs as a process of its own, under the lock and the log of the module.
 * Meanwhile no page starts cron.
 */
export class UltimateCron extends BaseComponent {
  readonly name = 'ultimate-cron';
  readonly #options: CronTools;
  readonly #sites = new Map<ServedSite, UltimateSite>();
  readonly #minutes = new MinuteTick(() => this.#each((site) => site.tick()));
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CronTools) {
    super();
    this.#options = options;
  }

  protected override onStart(): void {
    this.#minutes.start();
    this.#timer = setInterval(() => this.#each((site) => site.look()), interval);
    this.#each((site) => site.look());
  }

  protected override async onStop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#minutes.stop();
    await Promise.all([...this.#sites.values()].map((site) => site.stop()));
  }

  /** Jobs of all sites. */
  jobs(): CronJob[] {
    return this.#served().flatMap((site) => this.#of(site).jobs());
  }

  /** Whether cron of a site is run here. */
  has(site: ServedSite): boolean {
    return ultimateVersion(site) !== undefined;
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
    if (site && this.has(site)) this.#of(site).ended(ending);
  }

  /** No site waits for another. */
  #each(work: (site: UltimateSite) => void): void {
    for (const site of this.#served()) work(this.#of(site));
  }

  #served(): ServedSite[] {
    return this.#options.sites.filter((site) => site.isOpen && this.has(site));
  }

  #of(site: ServedSite): UltimateSite {
    const found = this.#sites.get(site);
    const version = ultimateVersion(site) ?? found?.version ?? 2;
    if (found?.version === version) return found;
    // The module was replaced by another version: what it knew is void.
    void found?.stop();
    const made = new UltimateSite(site, version, this.#options);
    this.#sites.set(site, made);
    return made;
  }
}
