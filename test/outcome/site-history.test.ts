import { setTimeout as rest, setImmediate as turn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import type { EventMap, EventName } from '../../src/events/map.js';
import { RunHistory } from '../../src/outcome/run-history.js';
import { SiteHistory, type SiteHistoryOptions } from '../../src/outcome/site-history.js';
import { databaseError, ending, FakeTable } from './history-fakes.js';

const now = 1_800_000_000;

let table: FakeTable;
let told: [EventName, EventMap[EventName]][];
let kept: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: now * 1000 });
  table = new FakeTable();
  told = [];
  kept = [];
});

afterEach(() => {
  vi.useRealTimers();
});

async function start(changes: Partial<SiteHistoryOptions> = {}): Promise<SiteHistory> {
  const bus = new EventBus();
  bus.onAny((name, payload) => told.push([name, payload]));
  const history = new SiteHistory({
    site: 'http://a.test',
    table,
    secrets: ['a password'],
    bus,
    onKept: (ids) => kept.push(...ids),
    maxAge: 3_600_000,
    maxCount: 1_000,
    ...changes,
  });
  await history.start();
  await vi.advanceTimersByTimeAsync(0);
  return history;
}

/** Lets time pass until the expectation holds; what is read from disk meanwhile takes real turns, and the pruner really rests. */
async function until(expectation: () => void): Promise<void> {
  for (let step = 0; step < 50_000; step += 1) {
    await vi.advanceTimersByTimeAsync(50);
    await (step < 200 ? turn() : rest(1));
    try {
      expectation();
      return;
    } catch {
      continue;
    }
  }
  expectation();
}

const names = (): EventName[] => told.map(([name]) => name);
const ids = (runs: readonly { id: string }[]): string[] => runs.map(({ id }) => id);

describe('SiteHistory', () => {
  it('collects what ends and writes it in few statements, with the progress from one', async () => {
    const history = await start();
    for (let id = 0; id < 120; id += 1) history.add(ending(String(id), now));
    await vi.advanceTimersByTimeAsync(249);
    expect(table.statements).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await until(() => expect(table.statements).toEqual([50, 50, 20]));
    expect(table.asked.map((handles) => handles.length)).toEqual([50, 50, 20]);
    await history.stop();
  });

  it('keeps the progress that is of this run only', async () => {
    const history = await start();
    const progress = (start: number, end: number) => ({ fraction: 0.5, message: 'half, a password', start, end });
    table.progressTold = new Map([
      ['handle-mine', progress(now - 1, now)],
      ['handle-younger', progress(now + 5, 0)],
      ['handle-older', progress(now - 90, now - 80)],
      ['handle-unclaimed', progress(now - 1, 0)],
    ]);
    for (const id of ['mine', 'younger', 'older']) history.add(ending(id, now));
    history.add(ending('unclaimed', now, { started: undefined }));
    await history.stop();
    expect(table.rows.map(({ progress: kept }) => kept)).toEqual([
      { fraction: 0.5, message: 'half, [hidden]' },
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('hides the token of the run and the passwords of the site', async () => {
    const history = await start();
    history.add(ending('1', now, { sentence: 'It said a-token-of-a-run and a password.' }));
    await history.stop();
    expect(table.rows[0]?.sentence).toBe('It said [hidden] and [hidden].');
  });

  it('keeps what the database does not take now, says so once, and writes it later', async () => {
    const history = await start();
    table.failure = databaseError('ECONNREFUSED');
    history.add(ending('1', now));
    await until(() => expect(table.asked.length).toBeGreaterThan(3));
    history.add(ending('2', now + 1));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(names()).toEqual(['history.postponed']);
    const found = await history.find({ limit: 10 });
    expect(ids(found.runs)).toEqual(['2', '1']);
    expect(found.note).toContain('the database does not answer');
    table.failure = undefined;
    await until(() => expect(ids(table.rows)).toEqual(['1', '2']));
    await history.stop();
    expect(names()).toEqual(['history.postponed', 'history.written']);
  });

  it('drops the oldest when too many wait, counts them, and says so twice at most', async () => {
    const history = await start({ queueMax: 2 });
    table.failure = databaseError('ECONNREFUSED');
    for (const id of ['1', '2', '3', '4', '5']) history.add(ending(id, now));
    await vi.advanceTimersByTimeAsync(1_000);
    table.failure = undefined;
    await history.stop();
    expect(ids(table.rows)).toEqual(['4', '5']);
    expect(told.filter(([name]) => name === 'history.dropped').map(([, payload]) => payload)).toEqual([
      { site: 'http://a.test', count: 1 },
      { site: 'http://a.test', count: 3 },
    ]);
  });

  it('gives up runs that the database refuses for a reason of its own', async () => {
    const history = await start();
    const insert = vi.fn(() => Promise.reject(databaseError('ER_BAD_FIELD_ERROR')));
    table.insert = insert;
    history.add(ending('1', now));
    await until(() => expect(names()).toContain('history.dropped'));
    expect(insert).toHaveBeenCalledTimes(3);
    expect(names()).toEqual(['history.postponed', 'history.dropped']);
    await history.stop();
  });

  it('stays in memory where the table may not be made, says so once, and answers the same', async () => {
    table.prepareFailure = databaseError('ER_TABLEACCESS_DENIED_ERROR');
    const history = await start({ maxCount: 2 });
    for (const [id, callback] of [
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'a'],
    ] as const) {
      history.add(ending(id, now + Number(id), { callback }));
    }
    await until(() => expect(names()).toEqual(['history.in-memory', 'history.written']));
    const found = await history.find({ limit: 10 });
    expect(ids(found.runs)).toEqual(['3', '2']);
    expect(found.note).toContain('in memory only');
    expect(ids((await history.find({ limit: 10, callback: 'a*' })).runs)).toEqual(['3']);
    expect(table.rows).toEqual([]);
    await history.stop();
  });

  it('does not take a wrong password for a missing right', async () => {
    table.prepareFailure = databaseError('ER_ACCESS_DENIED_ERROR');
    const history = await start();
    history.add(ending('1', now));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(names()).not.toContain('history.in-memory');
    table.prepareFailure = undefined;
    await until(() => expect(ids(table.rows)).toEqual(['1']));
    await history.stop();
  });

  it('keeps nothing and asks nothing where none is wanted', async () => {
    table.failure = databaseError('ER_NO_SUCH_TABLE');
    const history = await start({ maxCount: 0 });
    history.add(ending('1', now));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await history.find({ limit: 10 })).toEqual({
      runs: [],
      note: expect.stringContaining('max_count') as string,
    });
    await history.stop();
    expect(told).toEqual([]);
  });

  it('removes what is too old and too much, in steps', async () => {
    table.rows = Array.from({ length: 1_200 }, (_, index) => ending(`old-${index}`, now - 4_000).run);
    table.rows.push(...Array.from({ length: 12 }, (_, index) => ending(`new-${index}`, now - 100 + index).run));
    const history = await start({ maxCount: 10 });
    const newest = Array.from({ length: 10 }, (_, index) => `new-${index + 2}`);
    await until(() => expect(ids(table.rows)).toEqual(newest));
    await until(() => expect(told).toHaveLength(1));
    expect(told).toEqual([['history.pruned', { site: 'http://a.test', count: 1_202 }]]);
    history.add(ending('newest', now));
    await until(() => expect(ids(table.rows)).toEqual([...newest.slice(1), 'newest']));
    await history.stop();
  });
});

describe('RunHistory', () => {
  it('puts the runs of all sites in one line, or asks one site', async () => {
    const first = await start();
    const second = await start({ site: 'http://b.test', table: new FakeTable() });
    const history = new RunHistory(
      new Map([
        ['http://a.test', first],
        ['http://b.test', second],
      ]),
    );
    history.add(ending('1', now));
    history.add(ending('2', now + 1, { site: 'http://b.test' }));
    history.add(ending('3', now + 2));
    history.add(ending('4', now + 3, { site: 'http://unknown.test' }));
    expect(ids((await history.find({ limit: 2 })).runs)).toEqual(['3', '2']);
    expect(ids((await history.find({ limit: 10 }, 'http://b.test')).runs)).toEqual(['2']);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe('what is told to the ledger', () => {
  it('is what was written, and not what waits for a database that is away', async () => {
    const history = await start();
    history.add(ending('a', now));
    await until(() => expect(kept).toEqual(['a']));
    table.failure = databaseError('ECONNREFUSED');
    history.add(ending('b', now));
    await until(() => expect(names()).toContain('history.postponed'));
    await history.stop();
    expect(kept).toEqual(['a']);
    // The next daemon finds it there: nothing is lost.
    expect(names()).not.toContain('history.dropped');
  });

  it('is also what nobody wants, and what is given up', async () => {
    const none = await start({ maxCount: 0 });
    none.add(ending('a', now));
    expect(kept).toEqual(['a']);
    const full = await start({ queueMax: 1 });
    full.add(ending('b', now));
    full.add(ending('c', now));
    expect(kept).toEqual(['a', 'b']);
    await full.stop();
  });
});
