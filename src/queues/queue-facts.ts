import type { ServedSite } from '../scheduler/served-site.js';
import { Rhythm } from './rhythm.js';

/** Milliseconds between two looks whether there may be other queues, and until they are asked for anyway. */
const signatureInterval = 5_000;
const factsInterval = 600_000;

/** Keeps what is known of a site's queues true: modules come and go, and set variables. */
export class QueueFacts {
  readonly #site: ServedSite;
  readonly #rhythm = new Rhythm();
  #signature: string | undefined;

  constructor(site: ServedSite) {
    this.#site = site;
  }

  /** Asks the site again where something may have changed. Throws what the database throws. */
  async look(): Promise<void> {
    if (!this.#rhythm.isDue('signature', signatureInterval)) {
      return;
    }
    const signature = await this.#site.queue.signature();
    const changed = this.#signature !== undefined && signature !== this.#signature;
    this.#signature = signature;
    if (this.#rhythm.isDue('facts', factsInterval, false) || changed) {
      await this.#site.check();
    }
  }
}
