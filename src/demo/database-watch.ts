import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseCredentials } from './mariadb.js';

/** Milliseconds between two looks at the progress rows. */
const LOOK_MS = 150;

/** Progress rows that one look reads at most. */
const MAX_ROWS = 200;

/** Looks into the site's database as an onlooker: how far processes are, and what they have left behind. */
export class DatabaseWatch {
  readonly #connection: Connection;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> = Promise.resolve();

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Connects. @throws what the database throws */
  static async open(database: DatabaseCredentials): Promise<DatabaseWatch> {
    const { socket: socketPath, user, password, database: name } = database;
    return new DatabaseWatch(await createConnection({ socketPath, user, password, database: name }));
  }

  /** Reports progress rows again and again until `close`. */
  follow(onRow: (name: string, progress: number, message: string) => void): void {
    const look = (): void => {
      this.#current = this.look(onRow).then(
        () => void (this.#timer = setTimeout(look, LOOK_MS)),
        // The database is going away, and the demo with it.
        () => undefined,
      );
    };
    look();
  }

  /** Reports the newest progress rows once. */
  async look(onRow: (name: string, progress: number, message: string) => void): Promise<void> {
    const [rows] = await this.#connection.query<RowDataPacket[]>(
      `SELECT name, progress, message FROM progress ORDER BY start_stamp DESC LIMIT ${MAX_ROWS}`,
    );
    for (const row of rows) onRow(String(row.name), Number(row.progress), String(row.message));
  }

  /** What finished processes should not have left: one sentence for each kind; nothing when all is tidy. */
  async leftovers(): Promise<string[]> {
    const found: string[] = [];
    for (const [sql, what] of [
      ['SELECT handle AS name FROM background_process', 'rows of processes'],
      ['SELECT name FROM progress WHERE end_stamp = 0', 'progress rows without an end'],
      ['SELECT name FROM semaphore', 'locks'],
    ] as const) {
      const [rows] = await this.#connection.query<RowDataPacket[]>(sql);
      if (rows.length > 0) found.push(`Left behind: ${what} (${rows.map((row) => String(row.name)).join(', ')}).`);
    }
    return found;
  }

  /** Stops looking and closes the connection. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#current;
    clearTimeout(this.#timer);
    await this.#connection.end().catch(() => undefined);
  }
}
