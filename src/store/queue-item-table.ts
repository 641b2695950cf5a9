import type { SiteDatabase } from './database.js';

/** Drupal's name of our table. */
const table = 'drupald_queue_item';

/** One item of a queue that has failed. */
export interface FailedItem {
  readonly id: number;
  readonly queue: string;
  /** Seconds since 1970, as the item has it. */
  readonly created: number;
  readonly failures: number;
  /** It is not tried again until somebody says so. */
  readonly aside: boolean;
  /** Why it failed the last time. */
  readonly reason: string;
  /** Seconds since 1970 of the last failure. */
  readonly failed: number;
  /** Seconds since 1970 until which it pauses. */
  readonly until: number;
  /** End of the lease that keeps others away meanwhile; 0: it may be claimed again. */
  readonly lease: number;
  /** End of the lease under which it failed the last time: the same failure is never counted twice. */
  readonly claim: number;
}

/** Where failures of items are kept. */
export interface ItemBook {
  get(id: number): Promise<FailedItem | undefined>;
  /** Writes down an item, whatever was known of it. */
  save(item: FailedItem): Promise<void>;
  forget(ids: readonly number[]): Promise<void>;
  /** Items whose pause is over. */
  due(now: number, limit: number): Promise<FailedItem[]>;
  /** When the next pause is over, in seconds since 1970; undefined: nothing pauses. */
  next(): Promise<number | undefined>;
  /** Failed items, the latest first. */
  list(queue: string | undefined, limit: number): Promise<FailedItem[]>;
  /** Forgets items that are done. */
  purge(): Promise<void>;
}

interface Row extends Omit<FailedItem, 'aside'> {
  readonly aside: number;
}

const columns = 'item_id AS id, queue, created, failures, aside, reason, failed, pause AS `until`, lease, claim';

/** Failures of items in the site's own database. */
export class QueueItemTable implements ItemBook {
  readonly #main: SiteDatabase;

  /** @param main the site's default database, which gets the table */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** Makes the table, and tries the rights. Throws what the database throws. */
  prepare(): Promise<void> {
    return this.#main.prepareOwn(
      table,
      `item_id INT UNSIGNED NOT NULL PRIMARY KEY,
        queue VARCHAR(255) NOT NULL,
        created INT NOT NULL,
        failures INT NOT NULL,
        aside TINYINT NOT NULL,
        reason TEXT NOT NULL,
        failed DOUBLE NOT NULL,
        pause DOUBLE NOT NULL,
        lease INT NOT NULL,
        claim INT NOT NULL,
        KEY pause (aside, pause)`,
    );
  }

  async get(id: number): Promise<FailedItem | undefined> {
    return (await this.#select('WHERE item_id = ?', [id]))[0];
  }

  async save(item: FailedItem): Promise<void> {
    await this.#main.change(
      `REPLACE INTO ${this.#name} (item_id, queue, created, failures, aside, reason, failed, pause, lease, claim)` +
        ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      [
        item.id,
        item.queue,
        item.created,
        item.failures,
        item.aside ? 1 : 0,
        // The table may hold fewer kinds of signs than PHP's messages do.
        this.#main.charset === 'utf8mb4' ? item.reason : item.reason.replaceAll(/[\u{10000}-\u{10ffff}]/gu, '?'),
        item.failed,
        item.until,
        item.lease,
        item.claim,
      ],
    );
  }

  async forget(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) {
      await this.#main.change(`DELETE FROM ${this.#name} WHERE item_id IN (${ids.map(() => '?').join(', ')})`, [
        ...ids,
      ]);
    }
  }

  due(now: number, limit: number): Promise<FailedItem[]> {
    return this.#select('WHERE aside = 0 AND lease <> 0 AND pause <= ? ORDER BY pause LIMIT ?', [now, limit]);
  }

  async next(): Promise<number | undefined> {
    const rows = await this.#main.rows<{ next: number | null }>(
      `SELECT MIN(pause) AS next FROM ${this.#name} WHERE aside = 0 AND lease <> 0`,
    );
    return rows[0]?.next ?? undefined;
  }

  list(queue: string | undefined, limit: number): Promise<FailedItem[]> {
    return queue === undefined
      ? this.#select('ORDER BY failed DESC LIMIT ?', [limit])
      : this.#select('WHERE queue = ? ORDER BY failed DESC LIMIT ?', [queue, limit]);
  }

  async purge(): Promise<void> {
    await this.#main.change(
      `DELETE f FROM ${this.#name} f LEFT JOIN ${this.#main.table('queue')} q` +
        ' ON q.item_id = f.item_id AND q.created = f.created WHERE q.item_id IS NULL',
    );
  }

  async #select(rest: string, params: (string | number)[]): Promise<FailedItem[]> {
    const rows = await this.#main.rows<Row>(`SELECT ${columns} FROM ${this.#name} ${rest}`, params);
    return rows.map((row) => ({ ...row, aside: row.aside !== 0 }));
  }

  get #name(): string {
    return this.#main.table(table);
  }
}
