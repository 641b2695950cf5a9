import type { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason, isDenied } from '../store/database.js';
import type { SlotBook } from '../store/cron-slot-table.js';
import { MemorySlots } from './memory-slots.js';

/** Knows for each site where its slots are kept. */
export class SlotKeeper {
  readonly #bus: EventBus;
  readonly #books = new Map<ServedSite, Promise<SlotBook>>();

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  /** Where slots of a site are kept: in memory, if its database user may not make the table. Throws what the database throws. */
  of(site: ServedSite): Promise<SlotBook> {
    const known = this.#books.get(site);
    if (known) return known;
    const book = this.#open(site).catch((error: unknown) => {
      this.#books.delete(site);
      throw error;
    });
    this.#books.set(site, book);
    return book;
  }

  async #open(site: ServedSite): Promise<SlotBook> {
    try {
      await site.cronSlots.prepare();
      return site.cronSlots;
    } catch (error) {
      if (!isDenied(error)) throw error;
      this.#bus.emit('cron.in-memory', { site: site.name, reason: databaseReason(error) });
      return new MemorySlots();
    }
  }
}
