import type { Outcome } from '../process/outcome.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { coreCronHandle, type CoreCron } from './core-cron.js';
import type { CronDoor, EntryStart } from './entry-work.js';
import type { UltimateCron } from './ultimate-cron.js';

/** Cron of a site as a whole: the core's run, or every job of Ultimate Cron. */
export class WholeCron implements CronDoor {
  readonly #core: CoreCron;
  readonly #ultimate: UltimateCron;
  readonly #end: (site: ServedSite, handle: string, cause: (callback: string) => Outcome) => Promise<void>;

  /** @param end ends a process that runs or waits here */
  constructor(
    core: CoreCron,
    ultimate: UltimateCron,
    end: (site: ServedSite, handle: string, cause: (callback: string) => Outcome) => Promise<void>,
  ) {
    this.#core = core;
    this.#ultimate = ultimate;
    this.#end = end;
  }

  async begin(site: ServedSite): Promise<EntryStart> {
    if (this.#ultimate.has(site)) {
      const started = await this.#ultimate.of(site).runAll();
      return 'handle' in started ? started : { ...started, temporary: true };
    }
    if (!this.#core.has(site)) {
      return {
        reason: 'cron of the site is not run here (cron: off, or an Ultimate Cron that drupald does not know)',
        temporary: false,
      };
    }
    const reason = await this.#core.run(site);
    return reason === undefined ? { handle: coreCronHandle } : { reason, temporary: true };
  }

  busy(site: ServedSite): boolean {
    return this.#ultimate.has(site) ? this.#ultimate.of(site).allGoOn : this.#core.busy(site);
  }

  stop(site: ServedSite, cause: (callback: string) => Outcome): void {
    if (this.#ultimate.has(site)) this.#ultimate.of(site).stopAll(cause);
    else void this.#end(site, coreCronHandle, cause);
  }

  owns(site: ServedSite, handle: string): boolean {
    return this.#ultimate.has(site) ? this.#ultimate.of(site).isOfAll(handle) : handle === coreCronHandle;
  }

  rests(site: ServedSite): 'maintenance' | 'not installed' | undefined {
    return this.#ultimate.has(site) ? this.#ultimate.of(site).rests : this.#core.rests(site);
  }
}
