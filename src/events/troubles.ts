import type { EventBus } from './bus.js';

/** Something that is wrong now. */
export interface Trouble {
  /** Code from the catalogue of errors. */
  readonly code: string;
  /** Main address of the site that it is about, if it is about one. */
  readonly site?: string | undefined;
  readonly message: string;
  readonly remedy: string;
  /** ISO 8601. */
  readonly since: string;
}

/** What is wrong now, by what was told: each goes by itself when it is over. */
export class Troubles {
  readonly #current = new Map<string, Trouble>();

  constructor(bus: EventBus) {
    bus.on('trouble.began', ({ about, site, code, message, remedy }) => {
      this.#current.set(about, { code, site, message, remedy, since: new Date().toISOString() });
    });
    bus.on('trouble.over', ({ about }) => {
      this.#current.delete(about);
    });
  }

  /** In the order in which they began. */
  get list(): readonly Trouble[] {
    return [...this.#current.values()];
  }
}
