import { serialize, unserialize } from 'php-serialize';

import type { SiteDatabase } from './database.js';
import { firstPlane } from './plain-text.js';

/** What Drupal itself keeps in the site's default database: variables, locks, the log. */
export class CoreTables {
  readonly #main: SiteDatabase;

  /** @param main the site's default database */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** A variable from the site's table; undefined when it is not set there. */
  async variable(name: string): Promise<unknown> {
    const rows = await this.#main.rows<{ value: Buffer | string }>(
      `SELECT value FROM ${this.#main.table('variable')} WHERE name = ?`,
      [name],
    );
    const value = rows[0]?.value;
    return value === undefined ? undefined : (unserialize(value.toString()) as unknown);
  }

  /** Several variables from the site's table; those that are not set there are missing. */
  async variables(names: readonly string[]): Promise<Map<string, unknown>> {
    const rows = await this.#main.rows<{ name: string; value: Buffer | string }>(
      `SELECT name, value FROM ${this.#main.table('variable')} WHERE name IN (${names.map(() => '?').join(', ')})`,
      [...names],
    );
    return new Map(rows.map(({ name, value }) => [name, unserialize(value.toString()) as unknown]));
  }

  /** A sum of several variables as they are in the site's table: another one when any of them changes. */
  async sumOf(names: readonly string[]): Promise<string> {
    const rows = await this.#main.rows<{ name: string; sum: string }>(
      `SELECT name, MD5(value) AS sum FROM ${this.#main.table('variable')}` +
        ` WHERE name IN (${names.map(() => '?').join(', ')}) ORDER BY name`,
      [...names],
    );
    return rows.map(({ name, sum }) => `${name} ${sum}`).join('\n');
  }

  /** Moves the end of a lock that one run holds; false: it does not hold it. */
  async renewLock(name: string, value: string, expire: number): Promise<boolean> {
    const changed = await this.#main.change(
      `UPDATE ${this.#main.table('semaphore')} SET expire = ? WHERE name = ? AND value = ?`,
      [expire, name, value],
    );
    return changed > 0;
  }

  /** Removes the locks of one dead run, by the value that only it used. */
  async removeLocks(lock: string): Promise<void> {
    await this.#main.change(`DELETE FROM ${this.#main.table('semaphore')} WHERE value = ?`, [lock]);
  }

  /** Writes a line into Drupal's log, as the module dblog would, for a site that cannot be booted. */
  async writeLog(handle: string, sentence: string): Promise<void> {
    await this.#main.change(
      `INSERT INTO ${this.#main.table('watchdog')}` +
        ' (uid, type, message, variables, severity, link, location, referer, hostname, timestamp)' +
        " VALUES (0, 'bg_process', ?, ?, 3, '', '', '', '127.0.0.1', ?)",
      [
        'Process %handle: @sentence',
        serialize({ '%handle': handle, '@sentence': firstPlane(sentence) }),
        Math.floor(Date.now() / 1000),
      ],
    );
  }
}
