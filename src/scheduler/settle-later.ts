import { setTimeout as pause } from 'node:timers/promises';

import { postponedReason, settleDead, type Unsettled } from '../outcome/settle.js';
import { Backoff } from '../support/backoff.js';
import { settleTools, type RunTools } from './end-run.js';
import { removeNotes } from './run-process.js';
import type { ServedSite } from './served-site.js';

/** Ends of one site that are settled at the same time: each takes a connection of its database. */
const together = 4;

/**
 * Settles runs that are over and could not be settled at once, when that can be done.
 * Their slots are free meanwhile, and the ledger keeps them for the next daemon.
 */
export class SettleLater {
  readonly #tools: RunTools;
  readonly #waiting = new Map<ServedSite, Map<Unsettled, () => void>>();

  constructor(tools: RunTools) {
    this.#tools = tools;
  }

  /** How many ends of a site wait. */
  sizeOf(site: ServedSite): number {
    return this.#waiting.get(site)?.size ?? 0;
  }

  /**
   * @param error why it could not be settled at once
   * @param onSettled called when it has been
   */
  add(site: ServedSite, dead: Unsettled, error: unknown, onSettled: () => void): void {
    const { handle, callback } = dead;
    this.#tools.bus.emit('settle.postponed', { site: site.name, handle, callback, reason: postponedReason(error) });
    const waiting = this.#waiting.get(site);
    if (waiting) {
      waiting.set(dead, onSettled);
      return;
    }
    const first = new Map([[dead, onSettled]]);
    this.#waiting.set(site, first);
    void this.#work(site, first);
  }

  /** In rounds: one that still cannot be settled holds up no other. */
  async #work(site: ServedSite, waiting: Map<Unsettled, () => void>): Promise<void> {
    const backoff = new Backoff({ firstMs: 250, maxMs: 5_000 });
    while (waiting.size > 0) {
      await pause(backoff.next(), undefined, { ref: false });
      try {
        // Each helper boots the site: not before it can do something.
        await site.store.tryWriting();
      } catch {
        continue;
      }
      const round = [...waiting.keys()];
      while (round.length > 0) {
        await Promise.all(round.splice(0, together).map((dead) => this.#settle(site, waiting, dead)));
      }
    }
    this.#waiting.delete(site);
  }

  async #settle(site: ServedSite, waiting: Map<Unsettled, () => void>, dead: Unsettled): Promise<void> {
    const { id, handle, callback, outcome } = dead;
    const { bus, ledger } = this.#tools;
    try {
      const settled = await settleDead(settleTools(this.#tools, site), dead);
      bus.emit('run.settled', { site: site.name, handle, callback, outcome: outcome.kind, ...settled });
      ledger.over(id);
      await removeNotes(site.place, id);
      waiting.get(dead)?.();
      waiting.delete(dead);
    } catch {
      // The next round comes after a longer pause.
      return;
    }
  }
}
