import type { PastRun, RunFilter, RunProgress } from '../process/ended-run.js';
import type { Param, SiteDatabase } from './database.js';
import { listColumns, rowOf, runColumns, runOf, type RunRow } from './run-row.js';

/** Drupal's name of our table. */
const table = 'drupald_run';

/**
 * What makes each version of the table out of the one before. Each statement writes
 * its version into the comment of the table, which a dump carries along.
 */
const versions: readonly ((name: string, charset: string) => string)[] = [
  (name, charset) =>
    `CREATE TABLE IF NOT EXISTS ${name} (
      seq INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
      id CHAR(36) NOT NULL,
      handle VARBINARY(1020) NOT NULL,
      callback VARCHAR(255) NOT NULL,
      service_host VARCHAR(64) NOT NULL,
      uid INT NOT NULL,
      created DOUBLE NULL,
      accepted DOUBLE NOT NULL,
      dispatched DOUBLE NOT NULL,
      started DOUBLE NULL,
      ended DOUBLE NOT NULL,
      waited_ms BIGINT NOT NULL,
      outcome VARCHAR(32) NOT NULL,
      sentence TEXT NOT NULL,
      error_class VARCHAR(255) NULL,
      error_file TEXT NULL,
      error_line INT NULL,
      exit_code INT NULL,
      signal_name VARCHAR(32) NULL,
      cpu_ms BIGINT NULL,
      peak_kb BIGINT NULL,
      attempts INT NOT NULL,
      isolation VARCHAR(32) NULL,
      pid INT NULL,
      progress DOUBLE NULL,
      progress_message TEXT NULL,
      output_head TEXT NULL,
      output_tail TEXT NULL,
      output_bytes BIGINT NULL,
      cancelled_by VARCHAR(255) NULL,
      UNIQUE KEY id (id),
      KEY ended (ended),
      KEY outcome (outcome, ended),
      KEY handle (handle(191), ended)
    ) ENGINE=InnoDB DEFAULT CHARSET=${charset} COLLATE=${charset}_bin COMMENT='drupald 1'`,
];

/** The newest of the runs that are too many. */
export interface HistoryEdge {
  readonly ended: number;
  readonly seq: number;
}

/** The history of runs in a site's own database. */
export class RunTable {
  readonly #processes: SiteDatabase;
  readonly #main: SiteDatabase;

  /**
   * @param processes database of the processes and their progress
   * @param main the site's default database, which gets the table
   */
  constructor(processes: SiteDatabase, main: SiteDatabase) {
    this.#processes = processes;
    this.#main = main;
  }

  /** The table with its prefix, for people. */
  get name(): string {
    return this.#name.replaceAll('`', '');
  }

  /**
   * Makes the table, or what an older version of it lacks, and tries the rights.
   *
   * @throws what the database throws
   */
  async prepare(): Promise<void> {
    const found = await this.#main.about(table);
    const before = found === undefined ? 0 : Number(/^drupald (\d+)/.exec(found.comment)?.[1] ?? 1);
    for (const [index, change] of versions.entries()) {
      if (index >= before) {
        await this.#main.change(change(this.#name, this.#main.charset));
      }
    }
    await this.#main.askForRights(table);
  }

  /** Looks without writing whether the table is there or may be made. Throws what the database throws. */
  async look(): Promise<void> {
    if (await this.#main.about(table)) {
      await this.#main.askForRights(table);
      return;
    }
    // The server looks at the rights when it prepares a statement that is never run.
    await this.#main.change('PREPARE drupald_look FROM ?', [`CREATE TABLE ${this.#name} (seq INT)`]);
  }

  /** Writes runs in one statement; one that is there already (its answer was lost) stays as it is. */
  async insert(runs: readonly PastRun[]): Promise<void> {
    const marks = `(${runColumns.map(() => '?').join(', ')})`;
    await this.#main.change(
      `INSERT IGNORE INTO ${this.#name} (${runColumns.join(', ')}) VALUES ${runs.map(() => marks).join(', ')}`,
      runs.flatMap((run) => rowOf(run, this.#main.charset)),
    );
  }

  /** Past runs, newest first. */
  async find(site: string, filter: RunFilter): Promise<PastRun[]> {
    const { sql, params } = selection(filter);
    const columns = filter.output === true ? runColumns : listColumns;
    const rows = await this.#main.rows<RunRow>(
      `SELECT ${columns.join(', ')} FROM ${this.#name}${sql} ORDER BY ended DESC, seq DESC LIMIT ${Math.trunc(filter.limit)}`,
      params,
    );
    return rows.map((row) => runOf(site, row));
  }

  /** What these processes told of their progress, by handle. */
  async progress(handles: readonly string[]): Promise<Map<string, RunProgress & { start: number; end: number }>> {
    const rows = await this.#processes.rows<{
      name: string;
      // Text where the column holds decimals.
      progress: number | string;
      message: string | null;
      start: number | string;
      end: number | string;
    }>(
      `SELECT name, progress + 0 AS progress, message, start_stamp + 0 AS start, end_stamp + 0 AS end` +
        ` FROM ${this.#processes.table('progress')} WHERE name IN (${handles.map(() => '?').join(', ')})`,
      [...handles],
    );
    return new Map(
      rows.map(({ name, progress, message, start, end }) => [
        name,
        { fraction: Number(progress), message: message ?? '', start: Number(start), end: Number(end) },
      ]),
    );
  }

  /**
   * Removes some of the runs that ended before a time.
   *
   * @param before seconds since 1970
   * @returns how many; less than `limit`: there are no more
   */
  async pruneOlder(before: number, limit: number): Promise<number> {
    return this.#main.change(`DELETE FROM ${this.#name} WHERE ended < ? ORDER BY ended LIMIT ${limit}`, [before]);
  }

  /** Where the newest `count` runs end; undefined: there are no more than those. */
  async edge(count: number): Promise<HistoryEdge | undefined> {
    const rows = await this.#main.rows<HistoryEdge>(
      `SELECT ended, seq FROM ${this.#name} ORDER BY ended DESC, seq DESC LIMIT 1 OFFSET ${count}`,
    );
    return rows[0];
  }

  /** Removes some of the runs at and before an edge; how many. */
  async pruneFrom({ ended, seq }: HistoryEdge, limit: number): Promise<number> {
    return this.#main.change(
      `DELETE FROM ${this.#name} WHERE ended < ? OR (ended = ? AND seq <= ?) ORDER BY ended LIMIT ${limit}`,
      [ended, ended, seq],
    );
  }

  get #name(): string {
    return this.#main.table(table);
  }
}

/** The condition of a filter, with its values. */
export function selection(filter: RunFilter): { readonly sql: string; readonly params: Param[] } {
  const parts: [string, Param[]][] = [];
  if (filter.handle !== undefined) {
    parts.push(['handle = ?', [filter.handle]]);
  }
  if (filter.callback !== undefined) {
    // A backslash means nothing in some modes of the server.
    const like = filter.callback.replaceAll(/[|%_]/g, '|$&').replaceAll('*', '%');
    parts.push(["callback LIKE ? ESCAPE '|'", [like]]);
  }
  if (filter.outcomes !== undefined) {
    parts.push([`outcome IN (${filter.outcomes.map(() => '?').join(', ')})`, [...filter.outcomes]]);
  }
  if (filter.since !== undefined) {
    parts.push(['ended >= ?', [filter.since]]);
  }
  return {
    sql: parts.length === 0 ? '' : ` WHERE ${parts.map(([sql]) => sql).join(' AND ')}`,
    params: parts.flatMap(([, params]) => params),
  };
}
