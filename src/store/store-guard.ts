import type { EventBus } from '../events/bus.js';
import { databaseReason } from './database.js';

/**
 * Does what is done again and again with the databases of sites. That one fails is told
 * once, until it works again: the next try is a second away, and the database has a
 * trouble of its own to tell.
 */
export class StoreGuard {
  readonly #bus: EventBus;
  /** Sites whose database failed at the last try. */
  readonly #failing = new Set<string>();

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  /** Never rejects. */
  async run(site: { readonly name: string }, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#failing.delete(site.name);
    } catch (error) {
      if (this.#failing.has(site.name)) return;
      this.#failing.add(site.name);
      this.#bus.emit('store.error', { site: site.name, reason: databaseReason(error), temporary: true });
    }
  }
}
