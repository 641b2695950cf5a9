import type { SiteDatabase } from './database.js';

/** Drupal's name of our table. */
const table = 'drupald_start';

/** Seconds after which an entry is forgotten that its daemon has not removed. */
const keptFor = 86_400;

/** What is known of the request of one waiting start. */
export interface KeptStart {
  /** A sum of its handle and stamp. */
  readonly sum: string;
  readonly note: string;
}

/** What the requests of waiting starts brought along, for another daemon that may take them over. */
export class StartTable {
  readonly #main: SiteDatabase;

  /** @param main the site's default database, which gets the table */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** Makes the table, and tries the rights. Throws what the database throws. */
  async prepare(): Promise<void> {
    await this.#main.prepareOwn(table, 'sum CHAR(64) NOT NULL PRIMARY KEY, note BLOB NOT NULL, kept BIGINT NOT NULL');
  }

  /** Forgets what daemons have left behind. */
  async prune(): Promise<void> {
    await this.#main.change(`DELETE FROM ${this.#main.table(table)} WHERE kept < UNIX_TIMESTAMP() - ${keptFor}`);
  }

  /** Keeps some; those that are there already stay. */
  async keep(starts: readonly KeptStart[]): Promise<void> {
    if (starts.length > 0) {
      await this.#main.change(
        `INSERT IGNORE INTO ${this.#main.table(table)} (sum, note, kept) VALUES ` +
          starts.map(() => '(?, ?, UNIX_TIMESTAMP())').join(', '),
        starts.flatMap(({ sum, note }) => [sum, Buffer.from(note)]),
      );
    }
  }

  /** What was kept of one; undefined: nothing. Throws what the database throws, also when there is no table. */
  async find(sum: string): Promise<string | undefined> {
    const rows = await this.#main.rows<{ note: Buffer }>(`SELECT note FROM ${this.#main.table(table)} WHERE sum = ?`, [
      sum,
    ]);
    return rows[0]?.note.toString();
  }

  /** Nobody needs these any more. */
  async forget(sums: readonly string[]): Promise<void> {
    if (sums.length > 0) {
      const marks = sums.map(() => '?').join(', ');
      await this.#main.change(`DELETE FROM ${this.#main.table(table)} WHERE sum IN (${marks})`, sums);
    }
  }
}
