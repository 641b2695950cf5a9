import { createHash } from 'node:crypto';

import type { StartReading } from './start-url.js';

/** Starts that are remembered at most. */
const limit = 5_000;

/**
 * Starts that were taken lately. Dispatches are often repeated; one that arrives
 * after its run has ended finds no row, and need not be looked for like an unknown one.
 */
export class RecentStarts {
  readonly #starts = new Set<string>();

  add(start: { readonly handle: string; readonly token: string }): void {
    this.#starts.add(digest(start.handle, start.token));
    if (this.#starts.size > limit) {
      const oldest = this.#starts.values().next();
      if (!oldest.done) {
        this.#starts.delete(oldest.value);
      }
    }
  }

  /** Whether one of the readings of an address was taken. */
  has(readings: readonly StartReading[]): boolean {
    return readings.some((reading) =>
      reading.handles.some((handle) => this.#starts.has(digest(handle, reading.token))),
    );
  }
}

/** Tokens are not kept, only what cannot be turned back into them. */
function digest(handle: string, token: string): string {
  return createHash('sha256').update(`${handle}\0${token}`).digest('base64');
}
