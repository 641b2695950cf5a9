import { readPhpSession } from '../process/php-session.js';
import { phpMember } from '../process/php-value.js';
import { progressPrefix } from './batch-table.js';
import type { SiteDatabase } from './database.js';

/**
 * What stands before the token of a batch that is hidden from Drupal's own pages: of one that
 * requests may still have in hand, and of one that nobody has but us.
 */
const marks = { hidden: 'drupald?', ours: 'drupald:' } as const;

/** The place in SQL at which the token behind such a mark begins. */
const behindMark = marks.ours.length + 1;

const isMarked = '(token LIKE ? OR token LIKE ?)';
const anyMark = [`${marks.hidden}%`, `${marks.ours}%`];

/** A batch of Drupal's own Batch API, as it stood at one look. */
export interface CoreBatchPrint {
  readonly bid: number;
  /** As its pages know it, also while it is hidden. */
  readonly token: string;
  readonly isHidden: boolean;
  /** Whether nobody but us has it in hand. */
  readonly isOurs: boolean;
  /** Sum of its row. */
  readonly sum: string;
}

/** A connection of the site's database user. */
export interface SiteConnection {
  readonly id: number;
  /** Seconds since it was last asked something; 0 while it works. */
  readonly idle: number;
}

/** What is needed to carry on batches of Drupal's own Batch API, which knows neither owner nor lease. */
export class CoreBatchTable {
  readonly #main: SiteDatabase;

  /** @param main the site's default database */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /**
   * Batches that were begun since, and those that are hidden. Throws what the database throws.
   *
   * @param since seconds since 1970
   */
  async prints(since: number): Promise<CoreBatchPrint[]> {
    const rows = await this.#main.rows<{ bid: number; token: string; sum: string | null }>(
      `SELECT bid, token, MD5(batch) AS sum FROM ${this.#table} WHERE timestamp >= ? OR ${isMarked}`,
      [Math.floor(since), ...anyMark],
    );
    return rows.map(({ bid, token, sum }) => {
      const isOurs = token.startsWith(marks.ours);
      const isHidden = isOurs || token.startsWith(marks.hidden);
      return { bid, token: isHidden ? token.slice(behindMark - 1) : token, isHidden, isOurs, sum: sum ?? '' };
    });
  }

  /** The first operation that each batch has left, in words that change when it does; none for one without. */
  async heads(bids: readonly number[]): Promise<Map<number, string>> {
    const queue = this.#main.table('queue');
    const found = await Promise.all(
      bids.map(async (bid) => {
        // The index of that table knows both without a walk through all operations, of which there may be many.
        const rows = await this.#main.rows<{ name: string; first: number | null }>(
          `SELECT sets.name, (SELECT item_id FROM ${queue} items WHERE items.name = sets.name` +
            ' ORDER BY created, item_id LIMIT 1) AS first' +
            ` FROM (SELECT DISTINCT name FROM ${queue} WHERE name LIKE ?) sets ORDER BY sets.name`,
          [`drupal\\_batch:${bid}:%`],
        );
        return [bid, rows.map(({ name, first }) => `${name} ${first ?? ''}`).join(', ')] as const;
      }),
    );
    return new Map(found);
  }

  /** Hides a batch from Drupal's pages, unless anything in its row has changed. @returns whether it did */
  async hide({ bid, token, sum }: CoreBatchPrint): Promise<boolean> {
    const hidden = await this.#main.change(
      `UPDATE ${this.#table} SET token = ? WHERE bid = ? AND token = ? AND MD5(batch) = ?`,
      [marks.hidden + token, bid, token, sum],
    );
    return hidden > 0;
  }

  /** Takes one in hand that is hidden. @returns whether it still is */
  async take(bid: number): Promise<boolean> {
    const taken = await this.#main.change(
      `UPDATE ${this.#table} SET token = CONCAT(?, SUBSTRING(token, ${behindMark})) WHERE bid = ? AND ${isMarked}`,
      [marks.ours, bid, ...anyMark],
    );
    return taken > 0;
  }

  /** Those that are hidden. */
  async hidden(): Promise<number[]> {
    const rows = await this.#main.rows<{ bid: number }>(`SELECT bid FROM ${this.#table} WHERE ${isMarked}`, anyMark);
    return rows.map(({ bid }) => bid);
  }

  /** Gives a batch back to Drupal's pages, which know nothing of its progress in ours. */
  async giveBack(bid: number): Promise<void> {
    await this.#main.change(
      `UPDATE ${this.#table} SET token = SUBSTRING(token, ${behindMark}) WHERE bid = ? AND ${isMarked}`,
      [bid, ...anyMark],
    );
    await this.#main.change(`DELETE FROM ${this.#main.table('progress')} WHERE name = ?`, [
      progressPrefix + String(bid),
    ]);
  }

  /**
   * Who has begun a batch, by the sessions that name it.
   *
   * Drupal keeps hashes of the sessions' names only, so that the token of the batch cannot be made
   * again; but it notes each batch in the session that has begun it.
   *
   * @param begun seconds since 1970; that session was written then or later
   * @returns their numbers in Drupal; 0: somebody who has not signed in
   */
  async owners(bid: number, begun: number): Promise<number[]> {
    const rows = await this.#main.rows<{ uid: number; session: Buffer | null }>(
      `SELECT uid, session FROM ${this.#main.table('sessions')} WHERE timestamp >= ? AND INSTR(session, ?) > 0`,
      [begun, 'batches|'],
    );
    const names = (session: Buffer): boolean => phpMember(readPhpSession(session), 'batches', String(bid)) === true;
    return [...new Set(rows.flatMap(({ uid, session }) => (session && names(session) ? [uid] : [])))];
  }

  /** Connections of the site's database user, without those of this daemon. */
  async connections(): Promise<SiteConnection[]> {
    const rows = await this.#main.rows<{ id: number; command: string; time: number | null }>(
      'SELECT ID AS id, COMMAND AS command, TIME AS time FROM information_schema.PROCESSLIST' +
        " WHERE USER = SUBSTRING_INDEX(USER(), '@', 1) AND ID <> CONNECTION_ID()",
    );
    const own = this.#main.ownConnections;
    return rows.flatMap(({ id, command, time }) =>
      own.has(id) ? [] : [{ id, idle: command === 'Sleep' ? (time ?? 0) : 0 }],
    );
  }

  get #table(): string {
    return this.#main.table('batch');
  }
}
