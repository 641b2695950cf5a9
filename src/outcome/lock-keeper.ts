import { setTimeout as pause } from 'node:timers/promises';

import type { CoreTables } from '../store/core-tables.js';
import { troubleOfCode } from '../store/database-health.js';
import { isTemporary } from '../store/database.js';
import type { Ledger } from '../store/ledger.js';
import { Backoff } from '../support/backoff.js';

/** Dead runs of one site whose locks are remembered; those of the oldest expire by themselves. */
const limit = 10_000;

/** A site that keeps locks. */
export interface LockedSite {
  readonly name: string;
  readonly core: Pick<CoreTables, 'removeLocks'>;
}

/**
 * Removes the locks of dead runs; where the database cannot do it now, as soon as it can.
 *
 * What could not be done at once is written down before anybody takes the run for over:
 * the next daemon does it should this one be killed.
 */
export class LockKeeper {
  readonly #ledger: Pick<Ledger, 'owe' | 'freed' | 'owed'>;
  readonly #waiting = new Map<LockedSite, Set<string>>();

  constructor(ledger: Pick<Ledger, 'owe' | 'freed' | 'owed'>) {
    this.#ledger = ledger;
  }

  /**
   * Resolves after the first try; then they are removed, or it stands in the ledger. A site that
   * keeps its locks elsewhere may lack their table: then they expire by themselves.
   */
  async free(site: LockedSite, lock: string): Promise<void> {
    if ((await tryToFree(site, lock)) !== 'done') {
      this.#ledger.owe({ site: site.name, lock });
      this.#add(site, lock);
    }
  }

  /** Takes in hand what the last daemon could not do, for those sites of it that are served. */
  resume(sites: readonly LockedSite[]): void {
    for (const { site: name, lock } of this.#ledger.owed) {
      const site = sites.find((one) => one.name === name);
      if (site) {
        this.#add(site, lock);
      }
    }
  }

  #add(site: LockedSite, lock: string): void {
    const waiting = this.#waiting.get(site);
    if (!waiting) {
      const first = new Set([lock]);
      this.#waiting.set(site, first);
      void this.#work(site, first);
      return;
    }
    waiting.add(lock);
    const [oldest] = waiting;
    if (waiting.size > limit && oldest !== undefined) {
      waiting.delete(oldest);
      this.#ledger.freed(oldest);
    }
  }

  async #work(site: LockedSite, waiting: Set<string>): Promise<void> {
    const backoff = new Backoff({ firstMs: 250, maxMs: 5_000 });
    while (waiting.size > 0) {
      await pause(backoff.next(), undefined, { ref: false });
      for (const lock of [...waiting]) {
        const word = await tryToFree(site, lock);
        if (word === 'done') {
          waiting.delete(lock);
          this.#ledger.freed(lock);
        } else if (word === 'away') {
          break;
        }
      }
    }
    this.#waiting.delete(site);
  }
}

/** `away`: the database does nothing at all now; `held`: a statement on these very locks did not get through. */
async function tryToFree(site: LockedSite, lock: string): Promise<'done' | 'held' | 'away'> {
  try {
    await site.core.removeLocks(lock);
    return 'done';
  } catch (error) {
    const away = troubleOfCode((error as { code?: string }).code ?? '') !== undefined;
    return away ? 'away' : isTemporary(error) ? 'held' : 'done';
  }
}
