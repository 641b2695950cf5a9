import { serialize } from 'php-serialize';

import { callbackName } from '../process/callback-name.js';
import { Serialized } from '../process/serialized.js';
import { execStatus } from '../process/states.js';
import { databaseReason, type SiteDatabase } from './database.js';
import { firstPlane } from './plain-text.js';

/** A row of the module's table, without its arguments. */
export interface ProcessRow {
  /** In the row's own spelling: the column compares without case and accents. */
  readonly handle: string;
  readonly token: string;
  /** Callback as people write it. */
  readonly callback: string;
  readonly uid: number;
  readonly serviceHost: string;
  /** Exact text; the fence of every write (contract §1). */
  readonly stamp: string;
  readonly status: number;
}

/** Seconds that the clock of a web server may be ahead of ours. */
const clockTolerance = 60;

/** One thing that is wrong with a table. */
export interface TableTrouble {
  readonly table: string;
  readonly trouble: 'missing' | 'denied' | 'engine';
  /** The server's words, or the name of the engine. */
  readonly detail: string;
}

interface RawRow {
  handle: string;
  token: string | null;
  callback: string | null;
  uid: number;
  service_host: string | null;
  start_stamp: string | null;
  exec_status: number;
}

/** The rows of a site as the daemon reads and writes them. Every write is fenced by the row's stamp. */
export class ProcessStore {
  readonly #processes: SiteDatabase;
  readonly #main: SiteDatabase;

  /**
   * @param processes database of the connection key `background_process`, else the default one
   * @param main the site's default database
   */
  constructor(processes: SiteDatabase, main: SiteDatabase) {
    this.#processes = processes;
    this.#main = main;
  }

  /** Rows whose handle equals one of the names as the column compares them. */
  async find(handles: readonly string[]): Promise<ProcessRow[]> {
    return this.#select('handle IN (?)'.replace('?', handles.map(() => '?').join(', ')), [...handles]);
  }

  /** The row of this exact handle and stamp. */
  async get(handle: string, stamp: string): Promise<ProcessRow | undefined> {
    const rows = await this.#select('handle = ? AND start_stamp = ?', [handle, stamp]);
    return rows[0];
  }

  /**
   * Starts that nobody has claimed, of the named service hosts, oldest first.
   *
   * Status 3 with a service host is a start that a daemon has put to wait; status
   * 1 counts only when older than `lockedBefore` (seconds since 1970), because on
   * a refused connection the module deletes its row without a fence (contract §6a).
   * One that is stamped in the future is older than a clock that was set back.
   */
  async unclaimed(hosts: readonly string[], lockedBefore: number, limit: number): Promise<ProcessRow[]> {
    if (hosts.length === 0) {
      return [];
    }
    const names = hosts.map(() => '?').join(', ');
    return this.#select(
      `service_host IN (${names}) AND token <> '' AND (exec_status = ${execStatus.queued}` +
        ` OR (exec_status = ${execStatus.locked} AND (start_stamp < ? OR start_stamp > ?)))` +
        ` ORDER BY start_stamp LIMIT ${limit}`,
      [...hosts, lockedBefore.toFixed(6), (Date.now() / 1000 + clockTolerance).toFixed(6)],
    );
  }

  /**
   * Processes that were claimed before a moment under one of the named service hosts, oldest first.
   *
   * @param before seconds since 1970
   */
  async runningOf(hosts: readonly string[], before: number, limit: number): Promise<ProcessRow[]> {
    if (hosts.length === 0) {
      return [];
    }
    return this.#select(
      `service_host IN (${hosts.map(() => '?').join(', ')}) AND exec_status = ${execStatus.running}` +
        ` AND start_stamp < ? ORDER BY start_stamp LIMIT ${limit}`,
      [...hosts, before.toFixed(6)],
    );
  }

  /** Processes that are claimed and call one of these. */
  async claimedOf(callbacks: readonly string[], limit: number): Promise<ProcessRow[]> {
    return this.#select(
      `exec_status = ${execStatus.running} AND callback IN (${callbacks.map(() => '?').join(', ')}) LIMIT ${limit}`,
      callbacks.map((callback) => serialize(callback)),
    );
  }

  /** How many rows stand in each status. */
  async counts(): Promise<Map<number, number>> {
    const rows = await this.#processes.rows<{ exec_status: number; n: number }>(
      `SELECT exec_status, COUNT(*) AS n FROM ${this.#processes.table('background_process')} GROUP BY exec_status`,
    );
    return new Map(rows.map((row) => [row.exec_status, row.n]));
  }

  /** How many starts a daemon has put to wait, by service host; the module's own queue names none. */
  async waitingByHost(): Promise<Map<string, number>> {
    const rows = await this.#processes.rows<{ host: string; n: number }>(
      `SELECT service_host AS host, COUNT(*) AS n FROM ${this.#processes.table('background_process')}` +
        ` WHERE exec_status = ${execStatus.queued} AND service_host <> '' GROUP BY service_host`,
    );
    return new Map(rows.map((row) => [row.host, row.n]));
  }

  /**
   * Puts a start to wait: status 1 becomes 3, which the site's own clean-up of
   * starts that never began leaves alone (contract §2). False: the row has moved on.
   */
  async markWaiting(handle: string, stamp: string): Promise<boolean> {
    const changed = await this.#processes.change(
      `UPDATE ${this.#processes.table('background_process')} SET exec_status = ${execStatus.queued}` +
        ` WHERE handle = ? AND start_stamp = ? AND exec_status = ${execStatus.locked}`,
      [handle, stamp],
    );
    return changed > 0;
  }

  /**
   * Gives a waiting start back to the site: status 1 under the stamp of now, so
   * that the site's clean-up counts from now.
   *
   * @returns the new stamp; undefined: the row has moved on
   */
  async release(handle: string, stamp: string): Promise<string | undefined> {
    const fresh = (Date.now() / 1000).toFixed(6);
    const changed = await this.#processes.change(
      `UPDATE ${this.#processes.table('background_process')} SET exec_status = ${execStatus.locked}, start_stamp = ?` +
        ` WHERE handle = ? AND start_stamp = ? AND exec_status IN (${execStatus.locked}, ${execStatus.queued})`,
      [fresh, handle, stamp],
    );
    return changed > 0 ? fresh : undefined;
  }

  /**
   * Puts a run that has ended to wait again: status 2 becomes 3, under the stamp of now.
   *
   * @returns the new stamp; undefined: the row is no longer this run's
   */
  async requeue(handle: string, stamp: string): Promise<string | undefined> {
    const fresh = (Date.now() / 1000).toFixed(6);
    const changed = await this.#processes.change(
      `UPDATE ${this.#processes.table('background_process')} SET exec_status = ${execStatus.queued}, start_stamp = ?` +
        ` WHERE handle = ? AND start_stamp = ? AND exec_status = ${execStatus.running}`,
      [fresh, handle, stamp],
    );
    return changed > 0 ? fresh : undefined;
  }

  /** Deletes a row that still carries this stamp. */
  async remove(handle: string, stamp: string): Promise<boolean> {
    const changed = await this.#processes.change(
      `DELETE FROM ${this.#processes.table('background_process')} WHERE handle = ? AND start_stamp = ?`,
      [handle, stamp],
    );
    return changed > 0;
  }

  /**
   * Ends the progress row of a run, unless a younger run has begun one of its own.
   *
   * @param endedAt seconds since 1970
   * @param sentence the cause; empty for a run that completed, whose fraction becomes 1
   */
  async endProgress(handle: string, endedAt: number, sentence: string, callback: string): Promise<void> {
    const finished = sentence === '';
    await this.#processes.change(
      `UPDATE ${this.#processes.table('progress')} SET ${finished ? 'progress = 1, ' : ''}message = ?, end_stamp = ?` +
        ' WHERE name = ? AND end_stamp = 0 AND start_stamp <= ?',
      [
        finished ? `Background process '${callback}' finished` : firstPlane(sentence),
        Date.now() / 1000,
        handle,
        endedAt,
      ],
    );
  }

  /**
   * Whether the progress of a run says that its callback came to its end.
   *
   * @param since seconds since 1970 at which the run was claimed
   */
  async hasFinished(handle: string, callback: string, since: number): Promise<boolean> {
    const rows = await this.#processes.rows<{ n: number }>(
      `SELECT COUNT(*) AS n FROM ${this.#processes.table('progress')}` +
        ' WHERE name = ? AND start_stamp >= ? AND end_stamp > 0 AND message = ?',
      [handle, since, `Background process '${callback}' finished`],
    );
    return (rows[0]?.n ?? 0) > 0;
  }

  /** Whether a progress of this name was begun at a moment or after it (seconds since 1970). */
  async hasProgress(name: string, since: number): Promise<boolean> {
    const rows = await this.#processes.rows<{ n: number }>(
      `SELECT COUNT(*) AS n FROM ${this.#processes.table('progress')} WHERE name = ? AND start_stamp >= ?`,
      [name, since],
    );
    return (rows[0]?.n ?? 0) > 0;
  }

  /**
   * Ends the sessions that a dead process had in the databases.
   *
   * @param ids in the order in which workers tell them: the site's, then the module's when that is another
   * @param age milliseconds for which they are known to have been open
   */
  async endSessions(ids: readonly number[], age: number): Promise<void> {
    for (const [index, database] of [this.#main, this.#processes].entries()) {
      const id = ids[index];
      if (id !== undefined) {
        await database.endSession(id, age);
      }
    }
  }

  /**
   * Ends the sessions of dead processes in which a change of the row of a handle still waits.
   *
   * To be called only when nobody alive may change it: whose session it is cannot be told.
   */
  async endChanges(handle: string): Promise<void> {
    const waiting = await this.#processes.rows<{ id: number }>(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE %' AND INSTR(INFO, ?) > 0" +
        ' AND INSTR(INFO, ?) > 0 AND ID <> CONNECTION_ID()',
      [this.#processes.plainName('background_process'), handle],
    );
    for (const { id } of waiting) {
      await this.#processes.endSession(id, 0);
    }
  }

  /**
   * Makes a row of our own, as the module would for a start: status 1 under the stamp of now.
   *
   * @returns undefined: there is a row of this handle already
   */
  async create(
    row: Pick<ProcessRow, 'handle' | 'callback' | 'serviceHost' | 'token'> & { readonly uid?: number },
    args: readonly unknown[] | Serialized,
  ): Promise<ProcessRow | undefined> {
    const stamp = (Date.now() / 1000).toFixed(6);
    const made = await this.#processes.change(
      `INSERT IGNORE INTO ${this.#processes.table('background_process')}` +
        ' (handle, callback, args, uid, token, service_host, start_stamp, exec_status)' +
        ` VALUES (?, ?, ?, ?, ?, ?, ?, ${execStatus.locked})`,
      [
        row.handle,
        serialize(row.callback),
        args instanceof Serialized ? args.bytes : serialize(args),
        row.uid ?? 0,
        row.token,
        row.serviceHost,
        stamp,
      ],
    );
    return made > 0 ? { ...row, uid: row.uid ?? 0, stamp, status: execStatus.locked } : undefined;
  }

  /** Whether changes were refused, and none was taken since. */
  get isReadOnly(): boolean {
    return this.#processes.isReadOnly || this.#main.isReadOnly;
  }

  /** Whether the last statement took too long for a site to boot in time. */
  get isSlow(): boolean {
    return this.#processes.isSlow || this.#main.isSlow;
  }

  /** Changes nothing, and throws what the database throws when it takes no changes. */
  async tryWriting(): Promise<void> {
    const process = this.#processes.table('background_process');
    await this.#processes.change(`UPDATE ${process} SET exec_status = exec_status WHERE 1 = 0`);
    if (this.#main !== this.#processes) {
      const variable = this.#main.table('variable');
      await this.#main.change(`UPDATE ${variable} SET value = value WHERE 1 = 0`);
    }
  }

  /** What is wrong with the tables that a process needs: missing, not to be changed, or kept by an engine without transactions. */
  async tableTroubles(): Promise<TableTrouble[]> {
    const troubles: TableTrouble[] = [];
    for (const [database, table, column] of [
      [this.#processes, 'background_process', 'exec_status'],
      [this.#processes, 'progress', 'progress'],
    ] as const) {
      const name = database.table(table);
      try {
        // Nothing matches, but the rights are asked for.
        await database.change(`UPDATE ${name} SET ${column} = ${column} WHERE 1 = 0`);
        await database.change(`DELETE FROM ${name} WHERE 1 = 0`);
      } catch (error) {
        const { code = '' } = error as { code?: string };
        const missing = code === 'ER_NO_SUCH_TABLE';
        if (!missing && !code.includes('ACCESS_DENIED')) {
          throw error;
        }
        troubles.push({ table, trouble: missing ? 'missing' : 'denied', detail: databaseReason(error) });
      }
      const engine = (await database.about(table))?.engine;
      if (engine !== undefined && engine !== '' && engine !== 'InnoDB') {
        troubles.push({ table, trouble: 'engine', detail: engine });
      }
    }
    return troubles;
  }

  /** Seconds by which the database server's clock is ahead of ours. */
  async clockOffset(): Promise<number> {
    const rows = await this.#main.rows<{ t: string }>('SELECT UNIX_TIMESTAMP(NOW(6)) AS t');
    return Number(rows[0]?.t ?? 0) - Date.now() / 1000;
  }

  /** Connections that the server allows to the site's database user. */
  async connectionRoom(): Promise<number> {
    const rows = await this.#main.rows<{ all_users: number; one_user: number }>(
      'SELECT @@max_connections AS all_users, @@max_user_connections AS one_user',
    );
    const { all_users: all = 0, one_user: one = 0 } = rows[0] ?? {};
    return one > 0 ? Math.min(one, all) : all;
  }

  async close(): Promise<void> {
    await this.#processes.close();
    if (this.#main !== this.#processes) {
      await this.#main.close();
    }
  }

  #select(where: string, params: (string | number)[]): Promise<ProcessRow[]> {
    return readProcesses(this.#processes, where, params);
  }
}

/**
 * Rows of the module's table. Throws what the database throws.
 *
 * @param where what stands behind WHERE
 */
export async function readProcesses(
  database: SiteDatabase,
  where: string,
  params: (string | number)[],
): Promise<ProcessRow[]> {
  const rows = await database.rows<RawRow>(
    'SELECT handle, token, callback, uid, service_host, start_stamp, exec_status' +
      ` FROM ${database.table('background_process')} WHERE ${where}`,
    params,
  );
  return rows.map((row) => ({
    handle: row.handle,
    token: row.token ?? '',
    callback: callbackName(row.callback),
    uid: row.uid,
    serviceHost: row.service_host ?? '',
    stamp: row.start_stamp ?? '',
    status: row.exec_status,
  }));
}
