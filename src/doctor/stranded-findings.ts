import { judgeStranded } from '../liveness/stranded.js';
import { ownCallbacks } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import { finding, type Finding } from './findings.js';

/** Rows that are read at most, and that are named. */
const batch = 500;
const named = 20;

/** Seconds for which a row may stand as claimed before anybody says that he has it. */
const patience = 60;

/** What of a site these findings need. */
export interface ExaminedRows {
  readonly name: string;
  readonly store: Pick<ServedSite['store'], 'find' | 'claimedOf'>;
  readonly ownership: Pick<ServedSite['ownership'], 'look'>;
}

/**
 * Processes of drupald itself that stand as running although no drupald on the database has them in hand.
 *
 * @param now seconds since 1970
 */
export async function strandedFindings(site: ExaminedRows, now = Date.now() / 1000): Promise<Finding[]> {
  try {
    const entries = await site.ownership.look();
    if (!entries) {
      return [];
    }
    const handles = [...new Set(entries.map(({ handle }) => handle))].slice(0, batch);
    const rows = handles.length === 0 ? [] : await site.store.find(handles);
    rows.push(...(await site.store.claimedOf(ownCallbacks, batch)));
    // A drupald that lives is believed that it has what it says.
    const { stranded } = judgeStranded({ daemon: '', entries, rows, hasInHand: () => false });
    return stranded
      .filter(({ isOwned, row }) => isOwned || now - Number(row.stamp) > patience)
      .slice(0, named)
      .map(({ row, why }) => finding('process-stranded', { site: site.name, handle: row.handle, reason: why }));
  } catch (error) {
    return [finding('database-away', { site: site.name, reason: databaseReason(error) })];
  }
}
