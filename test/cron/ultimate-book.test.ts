import { describe, expect, it } from 'vitest';

import { UltimateBook, type PendingJob } from '../../src/cron/ultimate-book.js';
import { ultimateJob, ultimateJobs } from './ultimate-fakes.js';

const now = Date.parse('2026-06-01T10:00:00.200Z');
const none = (_launcher: string): number => 0;
const row = { launcher: 'background_process_legacy' };

/** Begins everything for which there is a thread; the names, in order. */
function begin(book: UltimateBook, others = none): string[] {
  const names: string[] = [];
  for (let next: PendingJob | undefined = book.next(others); next; next = book.next(others)) {
    names.push(next.job.name);
    book.begins(next.job.name, next, now, 0);
  }
  return names;
}

describe('UltimateBook', () => {
  it('gives each launcher its threads, and the next job one that has become free', () => {
    const book = new UltimateBook();
    book.take(
      ultimateJobs(['a', 'b'].flatMap((name) => [ultimateJob({ name }), ultimateJob({ name: `row_${name}`, ...row })])),
      now,
      0,
    );
    expect(begin(book).sort()).toEqual(['a', 'row_a', 'row_b']);
    expect(begin(book)).toEqual([]);
    book.ended('a', 'a', 'completed');
    expect(begin(book)).toEqual(['b']);
  });

  it('counts what the launcher has started by itself, and leaves out what needs no thread', () => {
    const book = new UltimateBook();
    const jobs = [ultimateJob({ name: 'a', ...row }), ultimateJob({ name: 'b', ...row })];
    book.take(ultimateJobs([...jobs, ultimateJob({ name: 'cleanup', ...row, unlimited: true })]), now, 0);
    expect(begin(book, (launcher) => (launcher === 'serial' ? 0 : 1)).sort()).toEqual(['a', 'cleanup']);
  });

  it('begins with what is due longest, then with what is quick', () => {
    const book = new UltimateBook();
    const jobs = [
      ultimateJob({ name: 'slow', took: 5, last: 1 }),
      ultimateJob({ name: 'quick', took: 0.1, last: 2 }),
      ultimateJob({ name: 'missed', took: 9, rules: ['58 * * * *'] }),
      ultimateJob({ name: 'quick too', took: 0.2, last: 1 }),
    ];
    book.take(ultimateJobs(jobs, { threads: { serial: 9 } }), now, 0);
    expect(begin(book)).toEqual(['missed', 'quick too', 'quick', 'slow']);
  });

  it('leaves alone what is off, locked or runs, and everything while the site rests', () => {
    const jobs = [
      ultimateJob({ name: 'off', disabled: true }),
      ultimateJob({ name: 'locked', lock: 'serial-7' }),
      ultimateJob({ name: 'good' }),
    ];
    const wide = { threads: { serial: 9 } };
    const book = new UltimateBook();
    book.take(ultimateJobs(jobs, wide), now, 0);
    expect(begin(book)).toEqual(['good']);
    book.take(ultimateJobs(jobs, wide), now + 60_000, 60_000);
    expect(begin(book)).toEqual([]);
    for (const rests of [{ stopped: true }, { maintenance: true }, { installed: false }]) {
      const resting = new UltimateBook();
      resting.take(ultimateJobs(jobs, { ...wide, ...rests }), now, 0);
      expect(begin(resting)).toEqual([]);
    }
  });

  it('does not use up the time of a job that did not begin', () => {
    const book = new UltimateBook();
    const told = ultimateJobs([ultimateJob({ name: 'a', last: now / 1000 - 70 })]);
    book.take(told, now, 0);
    expect(begin(book)).toEqual(['a']);
    book.withdraw('a');
    book.take(told, now + 5_000, 5_000);
    expect(begin(book)).toEqual(['a']);
    book.ended('a', 'a', 'completed');
    book.take(told, now + 10_000, 10_000);
    expect(begin(book)).toEqual([]);
  });

  it('counts a lock as free when its run has ended, also before a look that was under way has said so', () => {
    const book = new UltimateBook();
    const seldom = { rules: ['0 0 29 2 *'], catchUp: 60 };
    const idle = ultimateJobs([ultimateJob({ name: 'a', ...seldom })]);
    const locked = ultimateJobs([ultimateJob({ name: 'a', ...seldom, lock: 'serial-7' })]);
    book.take(idle, now, 0);
    const lap = (look: () => void): number => {
      expect([book.askForAll(), begin(book)]).toEqual([1, ['a']]);
      look();
      book.ended('a', 'a', 'completed');
      return book.askForAll();
    };
    expect(lap(() => book.take(locked, now + 60_000, 60_000))).toBe(1);
    book.dropWhole();
    expect(lap(() => (book.started.get('a')!.lock = 'serial-7'))).toBe(1);
    book.take(locked, now + 60_000, 60_000);
    expect(begin(book)).toEqual(['a']);
    book.ended('a', 'a', 'completed');
    // Somebody else's lock is none of ours.
    book.take(ultimateJobs([ultimateJob({ name: 'a', ...seldom, lock: 'serial-8' })]), now + 60_000, 60_000);
    expect(book.askForAll()).toBe(0);
  });

  it('tells a bad rule once, and a log that stays open although nothing runs at the second look', () => {
    const book = new UltimateBook();
    const told = ultimateJobs([
      ultimateJob({ name: 'bad', rules: ['5-3 * * * *'] }),
      { name: 'broken', problem: 'Error: no such plugin' },
      ultimateJob({ name: 'open', open: 'serial-9', rules: ['0 0 29 2 *'], catchUp: 60 }),
      ultimateJob({ name: 'runs', open: 'serial-10', lock: 'serial-10' }),
    ]);
    const first = book.take(told, now, 0);
    expect(first.problems.map(({ name }) => name)).toEqual(['bad', 'broken']);
    expect(first.open).toEqual([]);
    const second = book.take(told, now + 60_000, 60_000);
    expect(second).toEqual({ problems: [], open: [{ name: 'open', lock: 'serial-9' }], ahead: [] });
    expect(book.view('site').map(({ name, state }) => [name, state])).toEqual([
      ['bad', 'unusable'],
      ['broken', 'unusable'],
      ['open', 'waiting'],
      ['runs', 'running'],
    ]);
  });

  it('tells a job whose log is of tomorrow, once', () => {
    const book = new UltimateBook();
    const told = ultimateJobs([
      ultimateJob({ name: 'a', last: now / 1000 + 86_400 }),
      ultimateJob({ name: 'b', last: now / 1000 + 30 }),
    ]);
    expect(book.take(told, now, 0).ahead).toEqual([{ name: 'a', seconds: 86_400 }]);
    expect(book.take(told, now + 60_000, 60_000).ahead).toEqual([]);
  });

  it('runs a job by its good rules, and as one of all, though it has a bad one, too', () => {
    const book = new UltimateBook();
    const mixed = ultimateJob({ name: 'mixed', rules: ['5-3 * * * *', '* * * * *'] });
    expect(book.take(ultimateJobs([mixed]), now, 0).problems).toHaveLength(1);
    expect(begin(book)).toEqual(['mixed']);
    book.ended('mixed', 'mixed', 'completed');
    const [seen] = book.view('site');
    expect(seen).toMatchObject({ state: 'waiting', rule: expect.stringContaining('(left out: 5-3') as unknown });
    expect(book.askForAll()).toBe(1);
  });

  it('runs every job once that is enabled, when it is asked to, behind what has its time', () => {
    const seldom = { rules: ['0 0 29 2 *'], catchUp: 60 };
    const jobs = [
      ultimateJob({ name: 'a', ...seldom }),
      ultimateJob({ name: 'b', ...seldom }),
      ultimateJob({ name: 'off', ...seldom, disabled: true }),
      ultimateJob({ name: 'due', took: 9 }),
    ];
    const book = new UltimateBook();
    book.take(ultimateJobs(jobs, { threads: { serial: 0 } }), now, 0);
    expect(book.askForAll()).toBe(3);
    expect([begin(book), book.wholeGoesOn]).toEqual([[], true]);
    // They wait for threads, also over the next look.
    book.take(ultimateJobs(jobs, { threads: { serial: 2 } }), now + 1_000, 1_000);
    expect(begin(book)).toEqual(['due', 'a']);
    book.ended('due', 'due', 'completed');
    expect(begin(book)).toEqual(['b']);
    book.ended('a', 'a', 'completed');
    expect(book.wholeGoesOn).toBe(true);
    book.ended('b', 'b', 'completed');
    expect(book.wholeGoesOn).toBe(false);
    expect(book.askForAll()).toBe(3);
    book.dropWhole();
    expect([begin(book), book.wholeGoesOn]).toEqual([[], false]);
  });

  it('follows what runs since before it was there', () => {
    const book = new UltimateBook();
    book.take(ultimateJobs([ultimateJob({ name: 'a', lock: 'serial-3' })]), now, 0);
    book.adopt('drupald_cron:a', 'a', now);
    book.adopt('drupald_cron:gone', 'gone', now);
    expect([...book.started]).toMatchObject([['drupald_cron:a', { name: 'a', lock: 'serial-3' }]]);
  });
});
