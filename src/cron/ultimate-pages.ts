import type { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';

/** Seconds for which the locks of the pages are held; after that they go on as without drupald. */
const lease = 45;

/** Second of a minute from which on the pages take the next minute's cron for done. */
const early = 56;

/** Keeps pages of Ultimate Cron from starting jobs. Nothing of it outlives the daemon by more than a minute. */
export class UltimatePages {
  readonly #site: ServedSite;
  readonly #bus: EventBus;
  /** What we have written into `cron_last`. */
  #written: number | undefined;
  #toldForeign = false;

  constructor(site: ServedSite, bus: EventBus) {
    this.#site = site;
    this.#bus = bus;
  }

  /**
   * Holds them off for a while.
   *
   * Ultimate Cron begins nothing in a page before the minute after `cron_last`.
   *
   * @param now seconds since 1970
   * @param locks whether its locks can be held from outside, too
   */
  async hold(now: number, locks: boolean): Promise<void> {
    const { core, ultimate } = this.#site;
    const found = Number((await core.variable('cron_last')) ?? 0);
    if (this.#written !== undefined && found !== this.#written && !this.#toldForeign) {
      this.#toldForeign = true;
      this.#bus.emit('cron.foreign', { site: this.#site.name });
    }
    const minute = Math.floor(now / 60) * 60;
    const wanted = now % 60 >= early ? minute + 60 : minute;
    if (found !== wanted) await ultimate.setCronLast(wanted);
    this.#written = wanted;
    if (locks) await ultimate.holdPages(now, lease);
  }

  /** Gives cron back to them at once. */
  async release(): Promise<void> {
    if (this.#written === undefined) return;
    await this.#site.ultimate.freePages().catch(() => undefined);
    await this.#site.ultimate.setCronLast(Math.floor(Date.now() / 1000)).catch(() => undefined);
    this.#written = undefined;
  }
}
