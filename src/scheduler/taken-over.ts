import type { ProcessRow } from '../store/process-store.js';
import type { Dispatch } from './dispatch.js';

/** How a start ends here that another daemon runs: nothing is told, and its row is not touched. */
export const takenOver = { type: 'nothing', reason: 'another drupald has taken it over' } as const;

/** Whether a row is still of this very dispatch: one that another daemon has taken over is under another token and service host. */
export function isSameStart(row: Pick<ProcessRow, 'token' | 'serviceHost'>, dispatch: Dispatch): boolean {
  // The token of a run of an earlier daemon is not known when its row was claimed meanwhile.
  return row.serviceHost === dispatch.serviceHost && (dispatch.token === '' || row.token === dispatch.token);
}

/** Whether another daemon has taken over the start with this row. */
export function isTakenOver(row: ProcessRow, dispatch: Dispatch): boolean {
  return row.serviceHost !== '' && row.serviceHost !== dispatch.serviceHost && row.token !== dispatch.token;
}

/** The same by the row that there is now; false when the database does not answer. */
export async function wasTakenOver(dispatch: Dispatch): Promise<boolean> {
  const { site, handle } = dispatch;
  const rows = await site.store.find([handle]).catch(() => []);
  return rows.some((row) => row.handle === handle && isTakenOver(row, dispatch));
}
