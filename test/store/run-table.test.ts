import { describe, expect, it } from 'vitest';

import { SiteDatabase } from '../../src/store/database.js';
import { rowOf, runColumns } from '../../src/store/run-row.js';
import { RunTable, selection } from '../../src/store/run-table.js';
import { endedRun } from '../outcome/history-fakes.js';

/** Keeps statements instead of running them. */
function recorder(comment?: string) {
  const statements: { sql: string; params: readonly unknown[] }[] = [];
  const run =
    <T>(answer: T) =>
    (sql: string, params: readonly unknown[] = []): Promise<T> => {
      statements.push({ sql, params });
      return Promise.resolve(answer);
    };
  const database = Object.assign(Object.create(SiteDatabase.prototype) as SiteDatabase, {
    access: { charset: 'utf8' },
    table: (name: string) => `\`pre_${name}\``,
    about: () => Promise.resolve(comment === undefined ? undefined : { engine: 'InnoDB', comment }),
    rows: run([]),
    change: run(0),
  });
  return { statements, table: new RunTable(database, database) };
}

describe('RunTable', () => {
  it('makes the table once, and knows its version afterwards', async () => {
    const fresh = recorder();
    await fresh.table.prepare();
    expect(fresh.statements[0]?.sql).toMatch(/^CREATE TABLE IF NOT EXISTS `pre_drupald_run` \(/);
    expect(fresh.statements[0]?.sql).toMatch(/CHARSET=utf8 COLLATE=utf8_bin COMMENT='drupald 1'$/);
    const known = recorder('drupald 1');
    await known.table.prepare();
    expect(known.statements.map(({ sql }) => sql.split(' ')[0])).toEqual(['INSERT', 'DELETE']);
    expect(known.table.name).toBe('pre_drupald_run');
  });

  it('writes many runs in one statement', async () => {
    const { statements, table } = recorder();
    await table.insert([endedRun('1', 1), endedRun('2', 2)]);
    expect(statements).toHaveLength(1);
    expect(statements[0]?.sql.match(/\(\?/g)).toHaveLength(2);
    expect(statements[0]?.params).toHaveLength(2 * runColumns.length);
  });

  it('removes in steps, oldest first, never more than it was told', async () => {
    const { statements, table } = recorder();
    await table.pruneOlder(5.5, 100);
    await table.edge(1_000);
    await table.pruneFrom({ ended: 7.25, seq: 3 }, 100);
    expect(statements).toEqual([
      { sql: 'DELETE FROM `pre_drupald_run` WHERE ended < ? ORDER BY ended LIMIT 100', params: [5.5] },
      {
        sql: 'SELECT ended, seq FROM `pre_drupald_run` ORDER BY ended DESC, seq DESC LIMIT 1 OFFSET 1000',
        params: [],
      },
      {
        sql: 'DELETE FROM `pre_drupald_run` WHERE ended < ? OR (ended = ? AND seq <= ?) ORDER BY ended LIMIT 100',
        params: [7.25, 7.25, 3],
      },
    ]);
  });
});

describe('selection', () => {
  it('is empty without a wish', () => {
    expect(selection({ limit: 5 })).toEqual({ sql: '', params: [] });
  });

  it('joins all wishes, with a pattern whose other signs mean themselves', () => {
    expect(selection({ limit: 5, handle: 'h', callback: 'a_b*%|', outcomes: ['threw', 'fatal'], since: 1.5 })).toEqual({
      sql: " WHERE handle = ? AND callback LIKE ? ESCAPE '|' AND outcome IN (?, ?) AND ended >= ?",
      params: ['h', 'a|_b%|%||', 'threw', 'fatal', 1.5],
    });
  });
});

describe('rowOf', () => {
  const value = (run: Parameters<typeof rowOf>[0], column: (typeof runColumns)[number], charset: 'utf8' | 'utf8mb4') =>
    rowOf(run, charset)[runColumns.indexOf(column)];

  it('fits texts into their columns and their character set', () => {
    const run = endedRun('1', 1, { callback: 'c'.repeat(300), sentence: 'smile \u{1F600}' });
    expect(value(run, 'callback', 'utf8')).toHaveLength(255);
    expect(value(run, 'sentence', 'utf8')).toBe('smile \ufffd');
    expect(value(run, 'sentence', 'utf8mb4')).toBe('smile \u{1F600}');
    expect(value(run, 'error_class', 'utf8')).toBeNull();
  });
});
