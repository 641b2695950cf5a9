import { unserialize } from 'php-serialize';

import type { Param, SiteDatabase } from './database.js';

/** One item of a queue, as its row stands. */
export interface QueueItemRow {
  readonly id: number;
  readonly queue: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** End of its lease in seconds since 1970; 0: nobody has claimed it. */
  readonly expire: number;
}

/** What a queue holds. */
export interface QueueCounts {
  /** Items that anybody may claim. */
  readonly waiting: number;
  /** Items with a lease: claimed, paused or set aside. */
  readonly leased: number;
  /** Seconds since 1970; null: it is empty. */
  readonly oldest: number | null;
}

/**
 * The site's table `queue`. An item belongs to whoever has set the end of its lease:
 * every write is fenced by the one that the writer knows.
 */
export class QueueTable {
  readonly #main: SiteDatabase;

  /** @param main the site's default database */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /**
   * How many items of each queue may be claimed, counted no further than its limit.
   * One statement, which looks at so many rows only, however long the queues are.
   */
  async claimable(limits: ReadonlyMap<string, number>): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    if (limits.size === 0) {
      return found;
    }
    const one = (limit: number): string =>
      `(SELECT name FROM ${this.#name} WHERE name = ? AND expire = 0 LIMIT ${Math.trunc(limit)})`;
    const rows = await this.#main.rows<{ name: string }>([...limits.values()].map(one).join(' UNION ALL '), [
      ...limits.keys(),
    ]);
    for (const { name } of rows) {
      found.set(name, (found.get(name) ?? 0) + 1);
    }
    return found;
  }

  /** Items of a queue that anybody may claim, the oldest first. */
  claimableItems(queue: string, limit: number): Promise<QueueItemRow[]> {
    return this.#main.rows<QueueItemRow>(
      `SELECT item_id AS id, name AS queue, created, expire FROM ${this.#name}` +
        ` WHERE name = ? AND expire = 0 ORDER BY created, item_id LIMIT ${Math.trunc(limit)}`,
      [queue],
    );
  }

  /**
   * Queues with items that anybody may claim and that were there before a time, at most 50 of them.
   *
   * @param before seconds since 1970
   */
  async longWaiting(before: number): Promise<{ queue: string; count: number; oldest: number }[]> {
    return this.#main.rows<{ queue: string; count: number; oldest: number }>(
      `SELECT name AS queue, COUNT(*) AS count, MIN(created) AS oldest FROM ${this.#name}` +
        ' WHERE expire = 0 AND created < ? GROUP BY name ORDER BY oldest LIMIT 50',
      [Math.floor(before)],
    );
  }

  /** What the named queues hold. */
  async counts(names: readonly string[]): Promise<Map<string, QueueCounts>> {
    if (names.length === 0) {
      return new Map();
    }
    const rows = await this.#main.rows<{ name: string; waiting: number; leased: number; oldest: number }>(
      'SELECT name, COUNT(CASE WHEN expire = 0 THEN 1 END) AS waiting, COUNT(CASE WHEN expire <> 0 THEN 1 END) AS leased,' +
        ` MIN(created) AS oldest FROM ${this.#name} WHERE name IN (${marks(names)}) GROUP BY name`,
      [...names],
    );
    return new Map(rows.map(({ name, ...counts }) => [name, counts]));
  }

  /** The row of an item; undefined: it is done. */
  async get(id: number): Promise<QueueItemRow | undefined> {
    const rows = await this.#main.rows<QueueItemRow>(
      `SELECT item_id AS id, name AS queue, created, expire FROM ${this.#name} WHERE item_id = ?`,
      [id],
    );
    return rows[0];
  }

  /** What an item carries; undefined: it is done, or cannot be read here. */
  async data(id: number): Promise<unknown> {
    const rows = await this.#main.rows<{ data: Buffer | string }>(`SELECT data FROM ${this.#name} WHERE item_id = ?`, [
      id,
    ]);
    try {
      return rows[0] && (unserialize(rows[0].data.toString()) as unknown);
    } catch {
      return undefined;
    }
  }

  /** Moves the end of a lease; false: it is not this one any more. */
  async move(item: QueueItemRow, expire: number): Promise<boolean> {
    const changed = await this.#main.change(
      `UPDATE ${this.#name} SET expire = ? WHERE item_id = ? AND name = ? AND expire = ?`,
      [expire, item.id, item.queue, item.expire],
    );
    return changed > 0;
  }

  /** Removes an item while its lease is this one; false: it is not, or is done. */
  async remove(item: QueueItemRow): Promise<boolean> {
    const changed = await this.#main.change(
      `DELETE FROM ${this.#name} WHERE item_id = ? AND name = ? AND created = ? AND expire = ?`,
      [item.id, item.queue, item.created, item.expire],
    );
    return changed > 0;
  }

  /**
   * Returns items whose lease has ended, as the site's own cron does: whoever had them is gone.
   *
   * @param before seconds since 1970
   * @param spared items that somebody here has yet to see to
   */
  async endLeases(names: readonly string[], before: number, spared: readonly number[]): Promise<void> {
    if (names.length > 0) {
      const others = spared.length > 0 ? ` AND item_id NOT IN (${marks(spared)})` : '';
      await this.#main.change(
        `UPDATE ${this.#name} SET expire = 0 WHERE expire > 0 AND expire < ? AND name IN (${marks(names)})${others}`,
        [before, ...names, ...spared],
      );
    }
  }

  /** Changes whenever there may be other queues: modules, and variables that name queues. */
  async signature(): Promise<string> {
    const rows = await this.#main.rows<{ modules: Param; variables: Param }>(
      `SELECT (SELECT SUM(CRC32(name)) FROM ${this.#main.table('system')} WHERE type = 'module' AND status = 1) AS modules,` +
        ` (SELECT SUM(CRC32(CONCAT(name, value))) FROM ${this.#main.table('variable')}` +
        " WHERE name = 'background_process_queues' OR name = 'queue_default_class' OR name LIKE 'queue|_class|_%' ESCAPE '|')" +
        ' AS variables',
    );
    return JSON.stringify(rows[0]);
  }

  get #name(): string {
    return this.#main.table('queue');
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
