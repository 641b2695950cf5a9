import type { SiteDatabase } from './database.js';

/** Drupal's name of our table. */
const table = 'drupald_cron_slot';

/** Seconds after which a slot is forgotten that is not the newest of its entry, and after which each is. */
const keptFor = 3_600;
const keptAtMost = 400 * 86_400;

/** One time for which an entry has begun, or was left out. */
export interface CronSlot {
  readonly entry: string;
  /** Seconds since 1970, whole ones. */
  readonly due: number;
  /** 0; where the clock was set back, the number of the slot that was the newest then: the same time may come again. */
  readonly pass: number;
  /** Seconds since 1970 at which it was taken; null: nothing began, it only says that this time is past. */
  readonly fired: number | null;
  /** Which rule it came from. */
  readonly rule: string;
}

/** A slot with its number, which counts up. */
export interface TakenSlot extends CronSlot {
  readonly seq: number;
}

/** Where it is decided who of several daemons fires an entry. */
export interface SlotBook {
  /** The slot of an entry that was taken last. */
  newest(entry: string): Promise<TakenSlot | undefined>;
  /** The first slot of an entry for a time. */
  find(entry: string, due: number): Promise<TakenSlot | undefined>;
  /** Takes a slot; false: somebody has it. */
  take(slot: CronSlot): Promise<boolean>;
  /** Gives back a slot: what it was taken for did not begin. */
  giveBack(slot: CronSlot): Promise<void>;
  /** Forgets what nobody needs any more. */
  prune(now: number): Promise<void>;
}

/** Slots in the site's own database: of several daemons the one whose INSERT comes first fires. */
export class CronSlotTable implements SlotBook {
  readonly #main: SiteDatabase;

  /** @param main the site's default database, which gets the table */
  constructor(main: SiteDatabase) {
    this.#main = main;
  }

  /** Makes the table, and tries the rights. Throws what the database throws. */
  prepare(): Promise<void> {
    return this.#main.prepareOwn(
      table,
      `seq INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
        entry VARCHAR(128) NOT NULL,
        due BIGINT NOT NULL,
        pass INT UNSIGNED NOT NULL,
        fired DOUBLE NULL,
        rule CHAR(40) NOT NULL,
        UNIQUE KEY slot (entry, due, pass),
        KEY newest (entry, seq)`,
    );
  }

  newest(entry: string): Promise<TakenSlot | undefined> {
    return this.#one('WHERE entry = ? ORDER BY seq DESC LIMIT 1', [entry]);
  }

  find(entry: string, due: number): Promise<TakenSlot | undefined> {
    return this.#one('WHERE entry = ? AND due = ? ORDER BY pass LIMIT 1', [entry, due]);
  }

  async take({ entry, due, pass, fired, rule }: CronSlot): Promise<boolean> {
    const made = await this.#main.change(
      `INSERT IGNORE INTO ${this.#name} (entry, due, pass, fired, rule) VALUES (?, ?, ?, ?, ?)`,
      [entry, due, pass, fired, rule],
    );
    return made > 0;
  }

  async giveBack({ entry, due, pass }: CronSlot): Promise<void> {
    await this.#main.change(`DELETE FROM ${this.#name} WHERE entry = ? AND due = ? AND pass = ?`, [entry, due, pass]);
  }

  async prune(now: number): Promise<void> {
    await this.#main.change(
      `DELETE a FROM ${this.#name} a` +
        ` JOIN (SELECT entry, MAX(seq) AS seq FROM ${this.#name} GROUP BY entry) n ON n.entry = a.entry` +
        ' WHERE (a.seq < n.seq AND (a.fired IS NULL OR a.fired NOT BETWEEN ? AND ?)) OR a.fired < ?',
      [now - keptFor, now + keptFor, now - keptAtMost],
    );
  }

  async #one(rest: string, params: (string | number)[]): Promise<TakenSlot | undefined> {
    const rows = await this.#main.rows<Omit<TakenSlot, 'due'> & { readonly due: number | string }>(
      `SELECT seq, entry, due, pass, fired, rule FROM ${this.#name} ${rest}`,
      params,
    );
    const [row] = rows;
    return row && { ...row, due: Number(row.due) };
  }

  get #name(): string {
    return this.#main.table(table);
  }
}
