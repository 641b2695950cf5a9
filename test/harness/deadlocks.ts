import type { PoolConnection } from 'mysql2/promise';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** Statements of one kind on one table, as a trigger sees them. */
export interface StatementWish {
  readonly verb: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly table: 'background_process' | 'semaphore' | 'progress';
  /** Which rows are meant, with `OLD` and `NEW`. */
  readonly rows: string;
}

/** Name of the trigger and of what belongs to it. */
const name = 'drupald_deadlock';

/** Makes the next so many statements fail as victims of a deadlock, as far as their client can tell. */
export async function failAsVictims(site: Site, wish: StatementWish, times: number): Promise<void> {
  // A table without transactions: what it counts is not undone with the statement.
  await site.sql(`CREATE TABLE ${name} (todo INT NOT NULL) ENGINE=MyISAM`);
  await site.sql(`INSERT INTO ${name} (todo) VALUES (?)`, [times]);
  await site.sql(
    `CREATE TRIGGER ${name} BEFORE ${wish.verb} ON {${wish.table}} FOR EACH ROW BEGIN
      IF ${wish.rows} AND (SELECT todo FROM ${name}) > 0 THEN
        UPDATE ${name} SET todo = todo - 1;
        SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found when trying to get lock';
      END IF;
    END`,
  );
}

/** How many statements are still to fail. */
export async function victimsLeft(site: Site): Promise<number> {
  const [row] = await site.sql<{ todo: number }>(`SELECT todo FROM ${name}`);
  return row?.todo ?? 0;
}

/** Ends it. */
export async function failNoMore(site: Site): Promise<void> {
  await site.sql(`DROP TRIGGER IF EXISTS ${name}`);
  await site.sql(`DROP TABLE IF EXISTS ${name}`);
}

/** Two transactions that are about to wait for each other. */
export interface Crossing {
  /** Waits until the statement stands, closes the circle, and resolves when the server has ended the statement. */
  close(): Promise<void>;
  /** Ends the transaction of ours. Safe to call twice. */
  release(): Promise<void>;
}

/**
 * Prepares a true deadlock whose victim is the next statement that deletes a row of a process.
 *
 * The statement locks the row and then, in a trigger, waits for a row of ours; we ask for
 * the first row then. The server ends whoever has changed less: ours has changed much.
 */
export async function prepareDeadlock(site: Site, handle: string): Promise<Crossing> {
  await site.sql(`CREATE TABLE ${name} (n INT NOT NULL PRIMARY KEY) ENGINE=InnoDB`);
  await site.sql(`INSERT INTO ${name} VALUES (0)`);
  const connection = await site.pool.getConnection();
  await connection.beginTransaction();
  await connection.query(`SELECT n FROM ${name} WHERE n = 0 FOR UPDATE`);
  await connection.query(`INSERT INTO ${name} SELECT seq FROM seq_1_to_1000`);
  await site.sql(
    `CREATE TRIGGER ${name} BEFORE DELETE ON {background_process} FOR EACH ROW BEGIN
      IF OLD.handle = '${handle}' THEN
        SET @drupald_deadlock = (SELECT n FROM ${name} WHERE n = 0 FOR UPDATE);
      END IF;
    END`,
  );
  return crossingOf(site, connection, () =>
    connection.query('SELECT * FROM background_process WHERE handle = ? FOR UPDATE', [handle]),
  );
}

/** Prepares a true deadlock whose victim is the next statement that removes these two locks of one run. */
export async function prepareLockDeadlock(site: Site, locks: readonly [string, string]): Promise<Crossing> {
  await site.sql(`CREATE TABLE ${name} (n INT NOT NULL PRIMARY KEY) ENGINE=InnoDB`);
  const connection = await site.pool.getConnection();
  await connection.beginTransaction();
  await connection.query(`INSERT INTO ${name} SELECT seq FROM seq_1_to_1000`);
  // They share a value, so the statement goes through them in the order of the key.
  const [first, second] = [...locks].sort();
  await connection.query('SELECT * FROM semaphore WHERE name = ? FOR UPDATE', [second]);
  return crossingOf(site, connection, () =>
    connection.query('SELECT * FROM semaphore WHERE name = ? FOR UPDATE', [first]),
  );
}

function crossingOf(site: Site, connection: PoolConnection, cross: () => Promise<unknown>): Crossing {
  let open = true;
  return {
    close: async () => {
      await waitFor(() => isWaiting(site), { what: 'a statement to wait for our row' });
      const before = await deadlocks(site);
      // Resolves because the other has been ended: nobody else gives the row up.
      await cross();
      if ((await deadlocks(site)) === before) {
        throw new Error('The server has seen no deadlock.');
      }
    },
    release: async () => {
      if (open) {
        open = false;
        await connection.rollback();
        connection.release();
      }
      await failNoMore(site);
    },
  };
}

/** Deadlocks that the server has seen. */
async function deadlocks(site: Site): Promise<number> {
  const [status] = (await site.server.administer("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")) as { Value: string }[];
  return Number(status?.Value);
}

/** Whether a transaction of the site waits for a lock. Tables that say so are read anew only now and then; this is not. */
async function isWaiting(site: Site): Promise<boolean> {
  const [status] = (await site.server.administer('SHOW ENGINE INNODB STATUS')) as { Status: string }[];
  const transactions = status?.Status.split('---TRANSACTION').slice(1) ?? [];
  return transactions.some((one) => one.includes('LOCK WAIT') && one.includes(` ${site.database.user} `));
}
