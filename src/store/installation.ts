import { createHash } from 'node:crypto';

import type { SiteDatabase } from './database.js';

/** Whether this database is the one that drupald has served from here before. */
export type Belonging = 'ours' | 'copied' | 'unknown';

/**
 * Binds a database to where it is served (design decision 5): database server,
 * schema and root folder. A database that carries only other places' marks is a
 * copy: what waits in it was meant to run elsewhere.
 */
export class Installation {
  readonly #database: SiteDatabase;
  readonly #root: string;

  constructor(database: SiteDatabase, root: string) {
    this.#database = database;
    this.#root = root;
  }

  /**
   * Looks at the marks, and leaves ours in a database without any.
   *
   * `unknown`: the table cannot be made or read; the reason is handed to `onTrouble`.
   */
  async check(onTrouble: (error: unknown) => void): Promise<Belonging> {
    try {
      const marks = await this.#marks();
      const own = (await this.#place()).mark;
      if (marks.length === 0) {
        await this.adopt();
        return 'ours';
      }
      return marks.some(({ mark }) => mark === own) ? 'ours' : 'copied';
    } catch (error) {
      onTrouble(error);
      return 'unknown';
    }
  }

  /** What the marks say, without leaving one; `unknown`: there is none, or they cannot be read. */
  async look(): Promise<Belonging> {
    try {
      const marks = await this.#read();
      const own = (await this.#place()).mark;
      return marks.length === 0 ? 'unknown' : marks.some(({ mark }) => mark === own) ? 'ours' : 'copied';
    } catch {
      return 'unknown';
    }
  }

  /**
   * Names the site's tables among all there are, the same for every machine that serves them: of a copy they
   * have another name. Throws what the database throws.
   */
  async tables(): Promise<string> {
    const { server } = await this.#place();
    return createHash('sha256')
      .update(`${server}, ${this.#database.plainName('background_process')}`)
      .digest('hex');
  }

  /** Makes the database ours, whatever it was. */
  async adopt(): Promise<void> {
    const { mark, text } = await this.#place();
    await this.#database.change(`REPLACE INTO ${this.#table} (mark, place, since) VALUES (?, ?, ?)`, [
      mark,
      text.slice(0, 1000),
      Math.floor(Date.now() / 1000),
    ]);
  }

  get #table(): string {
    return this.#database.table('drupald_installation');
  }

  #read(): Promise<{ mark: string }[]> {
    return this.#database.rows(`SELECT mark FROM ${this.#table}`);
  }

  async #marks(): Promise<{ mark: string }[]> {
    try {
      return await this.#read();
    } catch (error) {
      if ((error as { code?: string }).code !== 'ER_NO_SUCH_TABLE') {
        throw error;
      }
      await this.#create();
      return this.#read();
    }
  }

  async #create(): Promise<void> {
    await this.#database.change(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (mark CHAR(64) NOT NULL PRIMARY KEY, place VARCHAR(1000) NOT NULL,` +
        ' since INT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8',
    );
  }

  async #place(): Promise<{ mark: string; text: string; server: string }> {
    const rows = await this.#database.rows<{ host: string; port: number; id: number; name: string }>(
      'SELECT @@hostname AS host, @@port AS port, @@server_id AS id, DATABASE() AS name',
    );
    const { host = '', port = 0, id = 0, name = '' } = rows[0] ?? {};
    const server = `database ${name} on ${host}:${port} (server ${id})`;
    const text = `${server}, served from ${this.#root}`;
    return { mark: createHash('sha256').update(text).digest('hex'), text, server };
  }
}
