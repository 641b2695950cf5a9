import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { EventBus } from '../../src/events/bus.js';
import { TroubleTeller } from '../../src/events/trouble-teller.js';
import type { LedgerEnding, LedgerRun } from '../../src/store/ledger-line.js';
import { Ledger } from '../../src/store/ledger.js';
import { endedRun } from '../outcome/history-fakes.js';

let dir: string;
let troubles: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drupald-ledger-'));
  troubles = [];
});

afterEach(async () => {
  await rm(dir, { recursive: true });
});

function ledger(folder = dir): Ledger {
  const bus = new EventBus();
  bus.on('trouble.began', ({ code }) => troubles.push(code));
  bus.on('trouble.over', ({ code }) => troubles.push(`${code} is over`));
  return new Ledger(folder, new TroubleTeller(bus, 'the ledger'));
}

function run(id: string): LedgerRun {
  return {
    id,
    site: 'http://site.test',
    uri: 'http://site.test',
    handle: `handle of ${id}`,
    callback: 'work',
    uid: 0,
    stamp: '1.000000',
    serviceHost: 'default',
    acceptedAt: 1,
    dispatchedAt: 2,
    attempts: 0,
    tries: 0,
    isolation: 'process',
    pid: 7,
    startTicks: '9',
  };
}

it('hands the next daemon what is not over, with all that was said of it', () => {
  const first = ledger();
  expect(first.open()).toEqual([]);
  first.begin(run('a'));
  first.begin(run('b'));
  first.note('b', { type: 'claimed', stamp: '2.000000' });
  first.note('b', { type: 'ended' });
  first.over('a');
  // It is killed: nothing closes the file.
  expect(ledger().open()).toEqual([
    { run: run('b'), messages: [{ type: 'claimed', stamp: '2.000000' }, { type: 'ended' }] },
  ]);
});

it('passes over a line that was cut off, and lines of another version', async () => {
  const first = ledger();
  first.open();
  first.begin(run('a'));
  first.close();
  await appendFile(join(dir, 'ledger.jsonl'), '["later","x"]\n["run",{"id":"b"}]\n["over","a');
  expect(ledger().open()).toEqual([{ run: run('a'), messages: [] }]);
});

it('forgets what is over when it is written anew', async () => {
  const first = ledger();
  first.open();
  first.begin(run('a'));
  first.over('a');
  first.begin(run('b'));
  first.close();
  ledger().open();
  expect((await readFile(join(dir, 'ledger.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(1);
});

it('hands the next daemon what has ended and is not in the history', () => {
  const ended = (id: string): LedgerEnding => ({ run: endedRun(id, 5, { sentence: 'Why.' }), log: `/logs/${id}` });
  const first = ledger();
  first.open();
  for (const id of ['a', 'b', 'c']) {
    first.begin(run(id));
    first.ended(ended(id));
    first.over(id);
  }
  first.ended(ended('b'));
  first.kept(['a', 'unknown']);
  const second = ledger();
  expect(second.open()).toEqual([]);
  expect(second.endings).toEqual([ended('b'), ended('c')]);
  second.kept(['b', 'c']);
  const third = ledger();
  third.open();
  expect(third.endings).toEqual([]);
});

it('hands the next daemon the locks that are still to be removed', () => {
  const first = ledger();
  first.open();
  for (const lock of ['a', 'b', 'c']) {
    first.owe({ site: 'http://site.test', lock });
  }
  first.freed('a');
  first.freed('unknown');
  const second = ledger();
  second.open();
  expect(second.owed.map(({ lock }) => lock)).toEqual(['b', 'c']);
  second.freed('b');
  const third = ledger();
  third.open();
  expect(third.owed).toEqual([{ site: 'http://site.test', lock: 'c' }]);
});

it('tells once that it cannot write, goes on, and writes all of it when it can again', async () => {
  vi.useFakeTimers();
  try {
    const folder = join(dir, 'no folder');
    await writeFile(folder, '');
    const first = ledger(folder);
    expect(first.open()).toEqual([]);
    first.begin(run('a'));
    first.begin(run('b'));
    first.over('a');
    vi.advanceTimersByTime(10_000);
    expect(troubles).toEqual(['DRUPALD_STATE_DIR_FULL']);
    await rm(folder);
    await mkdir(folder);
    vi.advanceTimersByTime(10_000);
    expect(troubles).toEqual(['DRUPALD_STATE_DIR_FULL', 'DRUPALD_STATE_DIR_FULL is over']);
    // As after a kill: the first one is not closed.
    expect(ledger(folder).open()).toEqual([{ run: run('b'), messages: [] }]);
    first.close();
  } finally {
    vi.useRealTimers();
  }
});

it('keeps what workers of queues have left until somebody has seen to it, whatever the history has', () => {
  const first = ledger();
  first.open();
  const left = ['5 100 90', '5 100 90 .'];
  for (const id of ['a', 'b', 'c']) {
    first.ended({ run: endedRun(id, 1), log: `/${id}.log`, left: id === 'c' ? [] : left });
  }
  first.kept(['a', 'c']);
  first.seen('b');
  first.seen('c');
  const second = ledger();
  second.open();
  expect(second.unseen.map(({ run: { id }, left: steps }) => [id, steps])).toEqual([['a', left]]);
  expect(second.endings.map(({ run: { id } }) => id)).toEqual(['b']);
  second.seen('a');
  second.kept(['b']);
  const third = ledger();
  third.open();
  expect([...third.unseen, ...third.endings]).toEqual([]);
});
