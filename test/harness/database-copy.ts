import { createConnection, type RowDataPacket } from 'mysql2/promise';
import type { DatabaseCredentials } from './mariadb.js';

/** The statements that fill an empty database with a copy of another. */
export type DatabaseCopy = readonly string[];

function connect(credentials: DatabaseCredentials) {
  return createConnection({
    socketPath: credentials.socket,
    user: credentials.user,
    password: credentials.password,
    database: credentials.database,
    charset: 'utf8mb4',
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

/** Reads tables and rows of a small database; rows of cache tables are left out. */
export async function copyDatabase(from: DatabaseCredentials): Promise<DatabaseCopy> {
  const connection = await connect(from);
  try {
    const statements: string[] = [];
    const [tables] = await connection.query<RowDataPacket[]>({ sql: 'SHOW TABLES', rowsAsArray: true });
    for (const [table] of tables as unknown as [string][]) {
      const [created] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE ??', [table]);
      statements.push(String(created[0]?.['Create Table']));
      if (table.startsWith('cache')) {
        continue;
      }
      const [rows] = await connection.query<RowDataPacket[]>({
        sql: `SELECT * FROM ${connection.escapeId(table)}`,
        rowsAsArray: true,
      });
      for (let from = 0; from < rows.length; from += 100) {
        statements.push(connection.format('INSERT INTO ?? VALUES ?', [table, rows.slice(from, from + 100)]));
      }
    }
    return statements;
  } finally {
    await connection.end();
  }
}

/** Fills an empty database with a copy, optionally with another table prefix. */
export async function fillDatabase(to: DatabaseCredentials, copy: DatabaseCopy, prefix = ''): Promise<void> {
  const connection = await connect(to);
  try {
    await connection.query("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; SET foreign_key_checks = 0");
    for (const statement of copy) {
      await connection.query(
        prefix === '' ? statement : statement.replace(/^(CREATE TABLE|INSERT INTO) `/, `$1 \`${prefix}`),
      );
    }
  } finally {
    await connection.end();
  }
}
