import { execStatus } from '../process/states.js';
import { newToken } from '../process/token.js';
import type { SiteDatabase } from './database.js';
import { readProcesses, type ProcessRow } from './process-store.js';

/** Starts that were sent to service hosts of other daemons of the site. */
export class NeighbourTable {
  readonly #processes: SiteDatabase;

  /** @param processes database of the connection key `background_process`, else the default one */
  constructor(processes: SiteDatabase) {
    this.#processes = processes;
  }

  /**
   * Starts that nobody has claimed, of the named service hosts, oldest first: with one status, status 1 for
   * those that nobody has taken, 3 for those that wait at a daemon.
   *
   * @param before seconds since 1970
   */
  async untaken(hosts: readonly string[], status: number, before: number, limit: number): Promise<ProcessRow[]> {
    if (hosts.length === 0 || limit <= 0) {
      return [];
    }
    return readProcesses(
      this.#processes,
      `service_host IN (${hosts.map(() => '?').join(', ')}) AND exec_status = ${status} AND token <> ''` +
        ` AND start_stamp < ? ORDER BY start_stamp LIMIT ${limit}`,
      [...hosts, before.toFixed(6)],
    );
  }

  /**
   * Takes a start from another service host: it waits with ours from now on, under another stamp and token, so
   * that whoever had it before can neither begin nor end it.
   *
   * @returns the row as it is now; undefined: it has moved on
   */
  async takeOver(row: ProcessRow, serviceHost: string, token = newToken()): Promise<ProcessRow | undefined> {
    const stamp = (Date.now() / 1000).toFixed(6);
    const changed = await this.#processes.change(
      `UPDATE ${this.#processes.table('background_process')}` +
        ` SET service_host = ?, token = ?, start_stamp = ?, exec_status = ${execStatus.queued}` +
        ' WHERE handle = ? AND start_stamp = ? AND token = ? AND service_host = ? AND exec_status = ?',
      [serviceHost, token, stamp, row.handle, row.stamp, row.token, row.serviceHost, row.status],
    );
    return changed > 0 ? { ...row, serviceHost, token, stamp, status: execStatus.queued } : undefined;
  }
}
