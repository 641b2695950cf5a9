import { afterEach, describe, expect, it } from 'vitest';

import { isError } from '../../src/errors.js';
import type { DatabaseAccess } from '../../src/sites/description.js';
import { databaseReason, isTemporary, probeDatabase, SiteDatabase } from '../../src/store/database.js';

const access: DatabaseAccess = {
  driver: 'mysql',
  host: '127.0.0.1',
  port: 3306,
  socket: '',
  user: 'u',
  password: 'p',
  database: 'd',
  charset: 'utf8mb4',
  encrypted: false,
  tables: { background_process: 'pre_background_process', semaphore: 'shared.semaphore', progress: 'we`ird.ta`ble' },
};

const open: SiteDatabase[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()));
});

/** Connects to nothing until a statement is run. */
function database(): SiteDatabase {
  const made = new SiteDatabase(access);
  open.push(made);
  return made;
}

function mysqlError(code: string | undefined, message: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

describe('table', () => {
  it.each([
    ['background_process', '`pre_background_process`'],
    ['semaphore', '`shared`.`semaphore`'],
    ['progress', '`we``ird`.`ta``ble`'],
    ['variable', '`variable`'],
  ])('%s is %s', (name, quoted) => {
    expect(database().table(name)).toBe(quoted);
  });
});

describe('isTemporary', () => {
  it.each(['ECONNREFUSED', 'PROTOCOL_CONNECTION_LOST', 'ER_LOCK_DEADLOCK', 'ER_CON_COUNT_ERROR', 'ETIMEDOUT'])(
    '%s may pass',
    (code) => {
      expect(isTemporary(mysqlError(code, 'x'))).toBe(true);
    },
  );

  it.each(['ER_ACCESS_DENIED_ERROR', 'ER_NO_SUCH_TABLE', 'ER_PARSE_ERROR', undefined])('%s will not', (code) => {
    expect(isTemporary(mysqlError(code, 'x'))).toBe(false);
  });

  it.each([undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }])('%j is no error of the database', (thrown) => {
    expect(isTemporary(thrown)).toBe(false);
  });
});

describe('databaseReason', () => {
  it.each([
    ['ER_X', 'Something', 'ER_X: Something'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
    ['ECONNREFUSED', '', 'ECONNREFUSED'],
    [undefined, 'Plain', 'Plain'],
    [undefined, '', 'no answer'],
    ['ER_X', 'First line\nSELECT secret', 'ER_X: First line'],
  ])('of %s %j is %j', (code, message, reason) => {
    expect(databaseReason(mysqlError(code, message))).toBe(reason);
  });

  it('takes whatever is thrown', () => {
    expect(databaseReason('text')).toBe('text');
    expect(databaseReason(undefined)).toBe('undefined');
  });

  it('shows no statement and no password', () => {
    const error = Object.assign(mysqlError('ER_X', 'denied'), { sql: 'SELECT 1', password: 'p' });
    expect(databaseReason(error)).toBe('ER_X: denied');
  });
});

describe('probeDatabase', () => {
  it('refuses another kind of database without asking it', async () => {
    const refused = await probeDatabase({ ...access, driver: 'pgsql' }, 'http://a.example').catch(
      (error: unknown) => error,
    );
    expect(isError(refused, 'DATABASE_UNSUPPORTED')).toBe(true);
  });

  it('calls a database that is away unreachable, without its password', async () => {
    const away = { ...access, socket: '/nonexistent/mysql.sock', password: 'hunter2' };
    const refused = await probeDatabase(away, 'http://a.example').catch((error: unknown) => error);
    expect(isError(refused, 'DATABASE_UNREACHABLE')).toBe(true);
    expect(JSON.stringify((refused as { details: unknown }).details)).not.toContain('hunter2');
  });
});
