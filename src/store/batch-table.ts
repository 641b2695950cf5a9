import type { SiteDatabase } from './database.js';

/** What stands before the number of a batch in the name of its progress. */
export const progressPrefix = '_background_batch:';

/** The progress of a batch. */
export interface BatchProgress {
  readonly bid: number;
  /** From 0 to 1; 1: everything is done and saved. */
  readonly share: number;
  readonly message: string;
  /** Seconds since 1970. */
  readonly begun: number;
  /** Seconds since 1970 of the last word. */
  readonly told: number;
  /** Whether it was ended. */
  readonly ended: boolean;
}

/** One batch as its row stands. */
export interface BatchRow {
  readonly bid: number;
  /** Seconds since 1970 of its creation. */
  readonly created: number;
  /** As PHP serializes it. */
  readonly data: Buffer;
}

/** Batches of a site and their progress, in its default database. */
export class BatchTable {
  readonly #main: SiteDatabase;

  /** @param main the site's default database */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** Progress of batches; without those that were ended unless asked for. Throws what the database throws. */
  async progress(all = false): Promise<BatchProgress[]> {
    const rows = await this.#main.rows<{
      name: string;
      progress: number;
      message: string;
      start_stamp: number;
      current_stamp: number;
      end_stamp: number;
    }>(
      `SELECT name, progress, message, start_stamp, current_stamp, end_stamp FROM ${this.#main.table('progress')}` +
        ` WHERE name LIKE ?${all ? '' : ' AND end_stamp = 0'}`,
      [`${progressPrefix.replaceAll('_', '\\_')}%`],
    );
    return rows.flatMap((row) => {
      const bid = Number(row.name.slice(progressPrefix.length));
      return Number.isInteger(bid)
        ? [
            {
              bid,
              share: row.progress,
              message: row.message,
              begun: row.start_stamp,
              told: row.current_stamp,
              ended: row.end_stamp > 0,
            },
          ]
        : [];
    });
  }

  /** Which of these batches there are. */
  async existing(bids: readonly number[]): Promise<Set<number>> {
    if (bids.length === 0) {
      return new Set();
    }
    const rows = await this.#main.rows<{ bid: number }>(
      `SELECT bid FROM ${this.#main.table('batch')} WHERE bid IN (${bids.map(() => '?').join(', ')})`,
      [...bids],
    );
    return new Set(rows.map(({ bid }) => bid));
  }

  /** One batch. */
  async get(bid: number): Promise<BatchRow | undefined> {
    return (await this.#select('WHERE bid = ?', [bid]))[0];
  }

  /** The latest batches, the oldest of them first. */
  async list(limit: number): Promise<BatchRow[]> {
    return (await this.#select('ORDER BY bid DESC LIMIT ?', [limit])).reverse();
  }

  /** Names of users by their numbers. */
  async names(uids: readonly number[]): Promise<Map<number, string>> {
    if (uids.length === 0) {
      return new Map();
    }
    const rows = await this.#main.rows<{ uid: number; name: string }>(
      `SELECT uid, name FROM ${this.#main.table('users')} WHERE uid IN (${uids.map(() => '?').join(', ')})`,
      [...uids],
    );
    return new Map(rows.map(({ uid, name }) => [uid, name]));
  }

  /**
   * Removes batches that were finished here, and that nobody has come back for.
   *
   * @param before seconds since 1970 before which they were
   */
  async purge(before: number): Promise<void> {
    await this.#main.change(`DELETE FROM ${this.#main.table('batch')} WHERE timestamp < ? AND INSTR(batch, ?) > 0`, [
      Math.floor(before),
      's:4:"over";s:8:"finished"',
    ]);
  }

  async #select(rest: string, params: readonly number[]): Promise<BatchRow[]> {
    const rows = await this.#main.rows<{ bid: number; timestamp: number; batch: Buffer | null }>(
      `SELECT bid, timestamp, batch FROM ${this.#main.table('batch')} ${rest}`,
      params,
    );
    return rows.map((row) => ({ bid: row.bid, created: row.timestamp, data: row.batch ?? Buffer.alloc(0) }));
  }
}
