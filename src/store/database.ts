import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { createPool, type Pool, type PoolOptions, type QueryError, type ResultSetHeader } from 'mysql2';

import { fail } from '../errors.js';
import type { DatabaseAccess } from '../sites/description.js';
import { Backoff } from '../support/backoff.js';
import { troubleOfCode, type DatabaseHealth } from './database-health.js';

/** Connections that the daemon keeps for one database at most: the site comes first. */
const connectionLimit = 6;

/** Milliseconds after which a statement counts as lost: a server that hangs must not hold requests for ever. */
const statementTimeout = 15_000;

/** Looks at a session that is to end, and milliseconds between two of them. */
const endLooks = 40;
const endInterval = 25;
/**
 * Seconds that a statement of ours waits for a row that somebody else has locked: it must have
 * given up before it counts as lost, or the server would do it later, when nobody knows of it.
 */
const lockWait = 10;

/** Repetitions of a statement that was the victim of a deadlock, and milliseconds before the first. */
const repetitions = 3;
const firstPause = 10;

/** Numbers of the connections that this daemon has open, by server: several sites may have one user. */
const ownConnections = new Map<string, Set<number>>();

/** A value that a statement takes. */
export type Param = string | number | Buffer | null;

/** One database of a site: statements with parameters, nothing else. */
export class SiteDatabase {
  readonly access: DatabaseAccess;
  readonly #pool: Pool;
  readonly #health: DatabaseHealth | undefined;

  /** @param health told how each statement went */
  constructor(access: DatabaseAccess, health?: DatabaseHealth) {
    this.access = access;
    this.#health = health;
    const options: PoolOptions = {
      user: access.user,
      password: access.password,
      database: access.database,
      // Handles are compared by the column's collation in the site's own character set.
      charset: access.charset === 'utf8mb4' ? 'UTF8MB4_GENERAL_CI' : 'UTF8_GENERAL_CI',
      connectionLimit,
      maxIdle: 2,
      idleTimeout: 60_000,
      // Several steps, each of which a slow server takes its time for.
      connectTimeout: statementTimeout,
      enableKeepAlive: true,
      supportBigNumbers: true,
      ...(access.encrypted ? { ssl: {} } : {}),
      ...(access.socket === ''
        ? { host: access.host || '127.0.0.1', port: access.port || 3306 }
        : { socketPath: access.socket }),
    };
    this.#pool = createPool(options);
    this.#pool.on('connection', (connection) => {
      const own = this.ownConnections as Set<number>;
      own.add(connection.threadId);
      // A server that was started anew counts from the beginning.
      for (const over of ['end', 'error']) connection.once(over, () => own.delete(connection.threadId));
      // Fails only with the connection itself, and the statement behind it then tells.
      connection.query(
        `SET SESSION innodb_lock_wait_timeout = ${lockWait}, lock_wait_timeout = ${lockWait}`,
        () => undefined,
      );
    });
  }

  /** Numbers of all connections that this daemon has open to the server of this database. */
  get ownConnections(): ReadonlySet<number> {
    const { host, port, socket } = this.access;
    const server = socket === '' ? `${host}:${port}` : socket;
    const own = ownConnections.get(server) ?? new Set();
    ownConnections.set(server, own);
    return own;
  }

  /** Whether its last statement was slow. */
  get isSlow(): boolean {
    return this.#health?.isSlow ?? false;
  }

  /** Whether it has refused changes, and has taken none since. */
  get isReadOnly(): boolean {
    return this.#health?.isReadOnly ?? false;
  }

  /** Quoted name of one of Drupal's tables; the prefix may name another schema. */
  table(name: string): string {
    return this.#parts(name)
      .map((part) => `\`${part.replaceAll('`', '``')}\``)
      .join('.');
  }

  /** Name of one of Drupal's tables as it stands in statements, without its schema and without quotes. */
  plainName(name: string): string {
    return this.#parts(name).at(-1) ?? name;
  }

  /** Name of a table, behind the one of its schema where the prefix names one. */
  #parts(name: string): string[] {
    // Tables of ours get the prefix that the site's own have.
    const prefixed = this.access.tables[name] ?? (this.access.tables.variable ?? 'variable').replace(/variable$/, name);
    return prefixed.split('.');
  }

  rows<T>(sql: string, params: readonly Param[] = []): Promise<T[]> {
    return this.#query<T[]>(sql, params, false);
  }

  /** Runs a statement that changes rows; how many it matched or changed. */
  async change(sql: string, params: readonly Param[] = []): Promise<number> {
    const backoff = new Backoff({ firstMs: firstPause, maxMs: 1_000 });
    for (;;) {
      try {
        return (await this.#query<ResultSetHeader>(sql, params, true)).affectedRows;
      } catch (error) {
        // The victim of a deadlock has changed nothing: each of ours is a transaction of its own.
        if ((error as MysqlError).code !== 'ER_LOCK_DEADLOCK' || backoff.count >= repetitions) {
          throw error;
        }
        await pause(backoff.next(), undefined, { ref: false });
      }
    }
  }

  /** Storage engine of one of Drupal's tables, as the server writes it, and its comment; undefined: there is no such table. */
  async about(name: string): Promise<{ readonly engine: string; readonly comment: string } | undefined> {
    const [first = '', second] = this.#parts(name);
    const rows = await this.rows<{ engine: string | null; comment: string | null }>(
      'SELECT engine AS engine, table_comment AS comment FROM information_schema.tables' +
        ' WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?',
      second === undefined ? [null, first] : [first, second],
    );
    const [row] = rows;
    return row && { engine: row.engine ?? '', comment: row.comment ?? '' };
  }

  /** Character set of tables of ours: the one of the site's connections. */
  get charset(): 'utf8' | 'utf8mb4' {
    return this.access.charset === 'utf8mb4' ? 'utf8mb4' : 'utf8';
  }

  /**
   * Makes a table of our own where it is missing, and tries the rights. Throws what the database throws.
   *
   * @param columns columns and keys, as they stand in CREATE TABLE
   */
  async prepareOwn(name: string, columns: string): Promise<void> {
    if ((await this.about(name)) === undefined) {
      await this.change(
        `CREATE TABLE IF NOT EXISTS ${this.table(name)} (${columns}) ENGINE=InnoDB` +
          ` DEFAULT CHARSET=${this.charset} COLLATE=${this.charset}_bin COMMENT='drupald 1'`,
      );
    }
    await this.askForRights(name);
  }

  /** Adds columns that a table of ours has not had from the beginning. Throws what the database throws. */
  async addColumns(name: string, columns: Readonly<Record<string, string>>): Promise<void> {
    const [first = '', second] = this.#parts(name);
    const rows = await this.rows<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns' +
        ' WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?',
      second === undefined ? [null, first] : [first, second],
    );
    const known = new Set(rows.map((row) => row.name));
    for (const [column, definition] of Object.entries(columns)) {
      if (!known.has(column)) {
        await this.change(`ALTER TABLE ${this.table(name)} ADD COLUMN ${column} ${definition}`).catch(
          (error: unknown) => {
            // Another daemon was faster.
            if ((error as MysqlError).code !== 'ER_DUP_FIELDNAME') {
              throw error;
            }
          },
        );
      }
    }
  }

  /** Tries whether rows of a table may be written and removed, with none. Throws what the database throws. */
  async askForRights(name: string): Promise<void> {
    const table = this.table(name);
    await this.change(`INSERT INTO ${table} SELECT * FROM ${table} WHERE 1 = 0`);
    await this.change(`DELETE FROM ${table} WHERE 1 = 0`);
  }

  /**
   * Ends a session of this user, unless the server was started anew since: then the number is another's.
   * Resolves when it is over, so that what its last statement did can be seen; mostly at once.
   *
   * @param age milliseconds for which the session is known to have been open
   */
  async endSession(id: number, age: number): Promise<void> {
    const [status] = await this.rows<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Uptime'");
    if (Number(status?.Value ?? 0) * 1000 < age) {
      return;
    }
    try {
      await this.change(`KILL CONNECTION ${id}`);
    } catch (error) {
      // Most have ended with their client.
      if ((error as MysqlError).code !== 'ER_NO_SUCH_THREAD') {
        throw error;
      }
      return;
    }
    for (let look = 0; look < endLooks; look += 1) {
      const left = await this.rows('SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = ?', [id]);
      if (left.length === 0) {
        return;
      }
      await pause(endInterval, undefined, { ref: false });
    }
  }

  close(): Promise<void> {
    return promisify(this.#pool.end.bind(this.#pool))();
  }

  /** mysql2's own promises take a stack trace for each statement, which costs more than the rest of it. */
  #query<R>(sql: string, params: readonly Param[], changes: boolean): Promise<R> {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      this.#pool.query({ sql, timeout: statementTimeout }, [...params], (error: QueryError | null, result: unknown) => {
        if (error) {
          this.#health?.failed(error.code, databaseReason(error));
          reject(error);
        } else {
          this.#health?.worked(changes, performance.now() - began);
          resolve(result as R);
        }
      });
    });
  }
}

interface MysqlError {
  readonly code?: string;
  readonly errno?: number;
  readonly message: string;
}

/** Errors after which the same statement may work a moment later, besides those that are a trouble of the database. */
const temporary = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'ER_QUERY_INTERRUPTED',
  'ER_CONNECTION_KILLED',
  'ER_NORMAL_SHUTDOWN',
]);

/** Whether a failure of the database can pass by itself. */
export function isTemporary(error: unknown): boolean {
  const code = error instanceof Error ? ((error as MysqlError).code ?? '') : '';
  return temporary.has(code) || troubleOfCode(code) !== undefined;
}

/** Whether the server knows the user but does not let him do this: it stays so until somebody grants it. */
export function isDenied(error: unknown): boolean {
  const { code = '' } = error as MysqlError;
  return code.endsWith('ACCESS_DENIED_ERROR') && code !== 'ER_ACCESS_DENIED_ERROR';
}

/** One line about a failure of the database, without the statement. */
export function databaseReason(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { code, message } = error as MysqlError;
  const line = (message || code || 'no answer').split('\n')[0] ?? '';
  return code && !line.includes(code) ? `${code}: ${line}` : line;
}

/**
 * Tries a database once, so that a wrong password is known before anything starts.
 *
 * @throws DrupaldError DATABASE_UNSUPPORTED, DATABASE_CREDENTIALS, DATABASE_CONNECTIONS or DATABASE_UNREACHABLE.
 */
export async function probeDatabase(access: DatabaseAccess, uri: string): Promise<void> {
  if (access.driver !== 'mysql') {
    throw fail('DATABASE_UNSUPPORTED', { uri, driver: access.driver });
  }
  const database = new SiteDatabase(access);
  try {
    await database.rows('SELECT 1');
  } catch (error) {
    const code = (error as MysqlError).code ?? '';
    const params = {
      uri,
      reason: databaseReason(error),
      user: access.user,
      database: access.database,
      host: access.socket || `${access.host}:${access.port || 3306}`,
    };
    const denied = code.includes('ACCESS_DENIED') || code === 'ER_DBACCESS_DENIED_ERROR' || code === 'ER_BAD_DB_ERROR';
    const away = troubleOfCode(code) === 'DATABASE_CONNECTIONS' ? 'DATABASE_CONNECTIONS' : 'DATABASE_UNREACHABLE';
    throw fail(denied ? 'DATABASE_CREDENTIALS' : away, params, { cause: error });
  } finally {
    await database.close().catch(() => undefined);
  }
}
