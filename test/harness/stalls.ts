import type { PoolConnection } from 'mysql2/promise';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** A row that nobody else can change for now. */
export interface Stall {
  /** Waits until a statement stands before the row, such as `DELETE`. */
  reached(verb: 'UPDATE' | 'DELETE'): Promise<void>;
  /** Changes the row before the statements that wait can. */
  change(status: number, stamp: string): Promise<void>;
  /** Lets the statements go on. Safe to call twice. */
  release(): Promise<void>;
}

/** Locks the row of a process, so that a step of its run comes to a halt in the database. */
export async function stallRow(site: Site, handle: string): Promise<Stall> {
  let connection: PoolConnection | undefined = await site.pool.getConnection();
  await connection.beginTransaction();
  await connection.query('SELECT * FROM background_process WHERE handle = ? FOR UPDATE', [handle]);
  return {
    reached: async (verb) => {
      await waitFor(
        async () => {
          const waiting = await site.sql<{ INFO: string }>(
            'SELECT INFO FROM information_schema.PROCESSLIST WHERE DB = ? AND INFO LIKE ? AND ID <> CONNECTION_ID()',
            [site.database.database, `${verb}%background_process%`],
          );
          return waiting.length > 0;
        },
        { what: `a ${verb} of the row of ${handle}` },
      );
    },
    change: async (status, stamp) => {
      await connection?.query('UPDATE background_process SET exec_status = ?, start_stamp = ? WHERE handle = ?', [
        status,
        stamp,
        handle,
      ]);
    },
    release: async () => {
      const held = connection;
      connection = undefined;
      await held?.commit();
      held?.release();
    },
  };
}
