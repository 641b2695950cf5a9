import type { EventBus } from '../events/bus.js';
import { databaseReason } from './database.js';

/**
 * Does what is done again and again with the databases of sites. That one fails is told
 * once, until it works again: the next try is a second away, and the database has a
 * trouble of its own to tell.
 */
export class StoreGuard {
  readonly #bus: EventBus;
  readonly #reminder: number | undefined;
  /** What was told last of sites whose database failed at the last try, and when (monotonic milliseconds). */
  readonly #told = new Map<string, { readonly reason: string; readonly at: number }>();

  /** @param reminder milliseconds after which it is told again, as it is when it fails for another reason */
  constructor(bus: EventBus, reminder?: number) {
    this.#bus = bus;
    this.#reminder = reminder;
  }

  /** Never rejects. */
  async run(site: { readonly name: string }, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#told.delete(site.name);
    } catch (error) {
      const reason = databaseReason(error);
      if (!this.#isNews(site.name, reason)) return;
      this.#told.set(site.name, { reason, at: performance.now() });
      this.#bus.emit('store.error', { site: site.name, reason, temporary: true });
    }
  }

  #isNews(site: string, reason: string): boolean {
    const told = this.#told.get(site);
    if (!told || this.#reminder === undefined) return !told;
    return told.reason !== reason || performance.now() - told.at >= this.#reminder;
  }
}
