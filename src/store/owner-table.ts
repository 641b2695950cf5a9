import { parseJson } from '../support/json.js';
import type { SiteDatabase } from './database.js';

/** Drupal's names of our tables. */
const daemons = 'drupald_daemon';
const owned = 'drupald_own';

/** Seconds without a sign of life after which a daemon is forgotten. */
const keptFor = 86_400;

/** Entries that are read at most. */
const batch = 10_000;

/** Which daemon has a process of our own in hand. */
export interface OwnedProcess {
  /** A sum of the token of its row, which stays the same from its insertion to its end. */
  readonly sum: string;
  readonly handle: string;
  /** Id of the daemon. */
  readonly daemon: string;
  /** The value of its locks; empty: it has none yet, or they are kept elsewhere. */
  readonly lock: string;
  /** What the daemon has said of itself; undefined: it is not in the table any more. */
  readonly owner:
    | {
        readonly host: string;
        readonly pid: number;
        /** Its last sign of life, in seconds since 1970 by the clock of the database. */
        readonly beat: number;
        /** Seconds since then by the same clock; negative: that was set back. */
        readonly silence: number;
      }
    | undefined;
}

/** What a daemon says of itself beside that it lives. */
export interface DaemonWord {
  /** Where it listens. */
  readonly address: string;
  /** Names of the service hosts of the site that it serves. */
  readonly serves: readonly string[];
  readonly slots: number;
  /** Of this site. */
  readonly running: number;
  readonly waiting: number;
  readonly state: 'running' | 'stopping';
}

/** A daemon as others on its database see it. */
export interface ListedDaemon extends DaemonWord {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Seconds since 1970, by the clock of the database. */
  readonly started: number;
  /** Seconds since its last sign of life by the same clock; negative: that was set back. */
  readonly silence: number;
}

/** Columns of daemons of a pool, which tables of older daemons lack. */
const poolColumns = {
  beat_ms: 'BIGINT NOT NULL DEFAULT 0',
  address: "VARCHAR(255) NOT NULL DEFAULT ''",
  serves: 'BLOB',
  slots: 'INT UNSIGNED NOT NULL DEFAULT 0',
  running: 'INT UNSIGNED NOT NULL DEFAULT 0',
  waiting: 'INT UNSIGNED NOT NULL DEFAULT 0',
  state: "VARCHAR(16) NOT NULL DEFAULT 'running'",
};

/** Milliseconds since 1970 by the clock of the database. */
const nowMs = 'ROUND(UNIX_TIMESTAMP(NOW(3)) * 1000)';

/** The daemons that live on one database, and which of them has which process of our own in hand. */
export class OwnerTable {
  readonly #main: SiteDatabase;

  /** @param main the site's default database, which gets the tables */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** Makes the tables, and tries the rights. Throws what the database throws. */
  async prepare(): Promise<void> {
    await this.#main.prepareOwn(
      daemons,
      `id CHAR(36) NOT NULL PRIMARY KEY,
        host VARCHAR(255) NOT NULL,
        pid INT UNSIGNED NOT NULL,
        started BIGINT NOT NULL,
        beat BIGINT NOT NULL`,
    );
    await this.#main.addColumns(daemons, poolColumns);
    await this.#main.prepareOwn(
      owned,
      `token_sum CHAR(64) NOT NULL PRIMARY KEY,
        handle VARBINARY(1020) NOT NULL,
        daemon CHAR(36) NOT NULL,
        run_lock VARBINARY(255) NOT NULL`,
    );
  }

  /** A daemon lives. */
  async beat(id: string, host: string, pid: number, word: DaemonWord): Promise<void> {
    const said = [
      word.address.slice(0, 255),
      Buffer.from(JSON.stringify(word.serves)),
      word.slots,
      word.running,
      word.waiting,
      word.state,
    ];
    await this.#main.change(
      `INSERT INTO ${this.#main.table(daemons)}` +
        ' (id, host, pid, address, serves, slots, running, waiting, state, started, beat, beat_ms)' +
        ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, UNIX_TIMESTAMP(), UNIX_TIMESTAMP(), ${nowMs})` +
        ' ON DUPLICATE KEY UPDATE address = ?, serves = ?, slots = ?, running = ?, waiting = ?, state = ?,' +
        ` beat = UNIX_TIMESTAMP(), beat_ms = ${nowMs}`,
      [id, host.slice(0, 255), pid, ...said, ...said],
    );
  }

  /** Every daemon that has given a sign of life within a day, and of which processes are left. */
  async daemons(): Promise<{ readonly now: number; readonly daemons: ListedDaemon[] }> {
    const rows = await this.#main.rows<RawDaemon>(
      'SELECT id, host, pid, started, address, serves, slots, running, waiting, state,' +
        ` UNIX_TIMESTAMP(NOW(6)) AS now, ${nowMs} - GREATEST(beat_ms, beat * 1000) AS silence` +
        ` FROM ${this.#main.table(daemons)} ORDER BY started, id LIMIT ${batch}`,
    );
    return {
      now: Number(rows[0]?.now ?? Date.now() / 1000),
      daemons: rows.map((row) => ({
        id: row.id,
        host: row.host,
        pid: Number(row.pid),
        started: Number(row.started),
        silence: Number(row.silence) / 1000,
        address: row.address,
        serves: names(row.serves),
        slots: Number(row.slots),
        running: Number(row.running),
        waiting: Number(row.waiting),
        state: row.state === 'stopping' ? 'stopping' : 'running',
      })),
    };
  }

  /** A daemon ends. One that leaves processes stays for the time that the next one may need to come. */
  async leave(id: string): Promise<void> {
    await this.#main.change(
      `DELETE FROM ${this.#main.table(daemons)} WHERE id = ?` +
        ` AND NOT EXISTS (SELECT 1 FROM ${this.#main.table(owned)} WHERE daemon = ?)`,
      [id, id],
    );
  }

  /** Forgets daemons of which nothing was heard for a day. */
  async prune(): Promise<void> {
    await this.#main.change(`DELETE FROM ${this.#main.table(daemons)} WHERE beat < UNIX_TIMESTAMP() - ${keptFor}`);
  }

  /** A daemon has a process in hand, whoever had it before. */
  async take({ sum, handle, daemon, lock }: Omit<OwnedProcess, 'owner'>): Promise<void> {
    await this.#main.change(
      `INSERT INTO ${this.#main.table(owned)} (token_sum, handle, daemon, run_lock) VALUES (?, ?, ?, ?)` +
        ' ON DUPLICATE KEY UPDATE daemon = ?, run_lock = ?',
      [sum, Buffer.from(handle), daemon, Buffer.from(lock), daemon, Buffer.from(lock)],
    );
  }

  /** Every process of our own that somebody has begun, with what is known of its daemon. */
  async list(): Promise<OwnedProcess[]> {
    const rows = await this.#main.rows<RawOwned>(
      'SELECT o.token_sum, o.handle, o.daemon, o.run_lock, d.host, d.pid, d.beat, UNIX_TIMESTAMP() - d.beat AS silence' +
        ` FROM ${this.#main.table(owned)} o LEFT JOIN ${this.#main.table(daemons)} d ON d.id = o.daemon LIMIT ${batch}`,
    );
    return rows.map((row) => ({
      sum: row.token_sum,
      handle: row.handle.toString(),
      daemon: row.daemon,
      lock: row.run_lock.toString(),
      owner:
        row.host === null
          ? undefined
          : { host: row.host, pid: Number(row.pid), beat: Number(row.beat), silence: Number(row.silence) },
    }));
  }

  /** Nobody has these processes in hand any more. */
  async forget(sums: readonly string[]): Promise<void> {
    if (sums.length > 0) {
      const marks = sums.map(() => '?').join(', ');
      await this.#main.change(`DELETE FROM ${this.#main.table(owned)} WHERE token_sum IN (${marks})`, sums);
    }
  }
}

interface RawOwned {
  readonly token_sum: string;
  readonly handle: Buffer;
  readonly daemon: string;
  readonly run_lock: Buffer;
  readonly host: string | null;
  readonly pid: number | string | null;
  readonly beat: number | string | null;
  readonly silence: number | string | null;
}

interface RawDaemon {
  readonly id: string;
  readonly host: string;
  readonly pid: number | string;
  readonly started: number | string;
  readonly address: string;
  readonly serves: Buffer | null;
  readonly slots: number | string;
  readonly running: number | string;
  readonly waiting: number | string;
  readonly state: string;
  readonly now: number | string;
  readonly silence: number | string;
}

/** A daemon of another version may have written something else there. */
function names(serves: Buffer | null): string[] {
  const read: unknown = serves === null ? [] : parseJson(serves.toString());
  return Array.isArray(read) ? read.filter((name): name is string => typeof name === 'string') : [];
}
