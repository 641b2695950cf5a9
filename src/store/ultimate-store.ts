import { serialize } from 'php-serialize';

import type { SiteDatabase } from './database.js';

/** Names of the locks by which pages of Ultimate Cron keep each other from starting cron. */
const pageLocks = ['ultimate_cron_poorman_serial', 'ultimate_cron_poorman_bgpl'] as const;

/** The tables of Ultimate Cron 2.x, as far as they may be written from outside (contract cron.md §2.1, §2.6). */
export class UltimateStore {
  readonly #main: SiteDatabase;
  readonly #leases = new Map<string, number>();

  /** @param main the site's default database */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /**
   * Sets `cron_last`. Ultimate Cron reads its row on every page, past the cache of variables.
   *
   * @param seconds whole ones since 1970
   */
  async setCronLast(seconds: number): Promise<void> {
    await this.#main.change(
      `INSERT INTO ${this.#main.table('variable')} (name, value) VALUES ('cron_last', ?)` +
        ' ON DUPLICATE KEY UPDATE value = VALUES(value)',
      [serialize(seconds)],
    );
  }

  /**
   * Holds the locks that pages take before they start cron, for some seconds more.
   *
   * @param now seconds since 1970
   */
  async holdPages(now: number, seconds: number): Promise<void> {
    const table = this.#main.table('ultimate_cron_lock');
    for (const name of pageLocks) {
      const held = this.#leases.get(name);
      const renewed =
        held !== undefined &&
        (await this.#main.change(`UPDATE ${table} SET expire = ? WHERE lid = ? AND current = 0`, [
          now + seconds,
          held,
        ])) > 0;
      if (!renewed) {
        this.#leases.delete(name);
        // One that has run out is given up as the module does it.
        await this.#main.change(`UPDATE ${table} SET current = lid WHERE name = ? AND current = 0 AND expire <= ?`, [
          name,
          now,
        ]);
        await this.#main.change(`INSERT IGNORE INTO ${table} (name, current, expire) VALUES (?, 0, ?)`, [
          name,
          now + seconds,
        ]);
        const [mine] = await this.#main.rows<{ lid: number }>(
          `SELECT lid FROM ${table} WHERE name = ? AND current = 0 AND expire = ?`,
          [name, now + seconds],
        );
        if (mine) this.#leases.set(name, mine.lid);
      }
    }
  }

  /** Gives the pages their locks back. */
  async freePages(): Promise<void> {
    const table = this.#main.table('ultimate_cron_lock');
    for (const lid of this.#leases.values()) {
      await this.#main.change(`UPDATE ${table} SET current = lid WHERE lid = ? AND current = 0`, [lid]);
    }
    this.#leases.clear();
  }

  /** Which of these locks of jobs are still held. */
  async held(locks: readonly number[]): Promise<Set<number>> {
    if (locks.length === 0) return new Set();
    const rows = await this.#main.rows<{ lid: number }>(
      `SELECT lid FROM ${this.#main.table('ultimate_cron_lock')} WHERE current = 0 AND lid IN (${locks.map(() => '?').join(', ')})`,
      [...locks],
    );
    return new Set(rows.map(({ lid }) => lid));
  }

  /** Moves the end of the lock of a job that runs. */
  async renew(lock: number, expire: number): Promise<void> {
    await this.#main.change(
      `UPDATE ${this.#main.table('ultimate_cron_lock')} SET expire = ? WHERE lid = ? AND current = 0`,
      [expire, lock],
    );
  }
}
