import { setTimeout as pause } from 'node:timers/promises';

import { postponedReason, settleDead, type Unsettled } from '../outcome/settle.js';
import { Backoff } from '../support/backoff.js';
import { settleTools, type RunTools } from './end-run.js';
import { removeNotes } from './run-process.js';
import type { ServedSite } from './served-site.js';

/**
 * Settles a run that is over when the database is back. Its slot is free meanwhile, and
 * the ledger keeps it for the next daemon.
 *
 * @param error why it could not be settled at once
 */
export async function settleLater(tools: RunTools, site: ServedSite, dead: Unsettled, error: unknown): Promise<void> {
  const { handle, callback } = dead;
  tools.bus.emit('settle.postponed', { site: site.name, handle, callback, reason: postponedReason(error) });
  const backoff = new Backoff({ firstMs: 250, maxMs: 5_000 });
  for (;;) {
    await pause(backoff.next(), undefined, { ref: false });
    try {
      const settled = await settleDead(settleTools(tools, site), dead);
      tools.bus.emit('run.settled', { site: site.name, handle, callback, outcome: dead.outcome.kind, ...settled });
      tools.ledger.over(dead.id);
      await removeNotes(site.place, dead.id);
      return;
    } catch {
      // Still away: the next pause is longer.
      continue;
    }
  }
}
