import { serialize, unserialize } from 'php-serialize';
import { describe, expect, it } from 'vitest';

import { UltimateBook } from '../../src/cron/ultimate-book.js';
import { UltimateOne } from '../../src/cron/ultimate-one.js';
import type { WayTools } from '../../src/cron/ultimate-way.js';
import { schedulerOne } from '../../src/cron/rule-one.js';
import { jobCallbackOne } from '../../src/process/cron-one.js';
import type { Ending } from '../../src/outcome/past-runs.js';
import { ultimateJob, ultimateJobs } from './ultimate-fakes.js';

const now = Date.parse('2026-06-01T10:00:00.200Z');
const launcher = 'background_process';

const jobOne = (about: Parameters<typeof ultimateJob>[0]) =>
  ultimateJob({ launcher, scheduler: schedulerOne, catchUp: 300, args: args('x'), ...about });

function args(name: string): string {
  return Buffer.from(serialize([name, { callback: name }])).toString('base64');
}

/** A site with jobs, of which some processes run here. */
function way(jobs: Parameters<typeof ultimateJobs>[0], running: readonly string[] = [], prefix = 'uc:') {
  const site = {};
  const book = new UltimateBook();
  book.take(ultimateJobs(jobs, { threads: { [launcher]: 2 }, prefix, locksHere: false }), now, 0);
  const options = {
    running: () => running.map((handle) => ({ dispatch: { site, handle, callback: jobCallbackOne } })),
  };
  return { book, one: new UltimateOne({ site, options, book } as unknown as WayTools) };
}

const ending = (run: Partial<Ending['run']>): Ending =>
  ({ run: { handle: 'uc:a', callback: jobCallbackOne, outcome: 'completed', ...run } }) as unknown as Ending;

describe('UltimateOne', () => {
  it('names processes as the module does, also by a prefix of the site', () => {
    const { one } = way([], [], 'cron of ours:');
    expect(one.handleOf(jobOne({ name: 'a' }))).toBe('cron of ours:a');
    expect(one.jobOf('cron of ours:a')).toBe('a');
    expect(one.jobOf('uc:a')).toBe('uc:a');
    const unseen = new UltimateOne({ book: new UltimateBook() } as unknown as WayTools);
    expect(unseen.handleOf(jobOne({ name: 'a' }))).toBe('uc:a');
  });

  it('gives a process what the module would give it, and behind that for when it is', () => {
    const { one } = way([]);
    const { bytes } = one.argsOf({ job: jobOne({ name: 'a', args: args('a') }), due: 60_000 });
    const [name, hook, ours] = unserialize(bytes.toString()) as [string, object, { due: number; begun: number }];
    expect([name, hook, ours.due]).toEqual(['a', { callback: 'a' }, 60]);
    expect(ours.begun).toBeGreaterThan(now / 1000 - 1e9);
  });

  it('counts against the limit whatever waits or runs, here and elsewhere, once', () => {
    const locked = [jobOne({ name: 'here', lock: 'uc:here' }), jobOne({ name: 'away', lock: 'uc:away' })];
    const { book, one } = way(
      [...locked, jobOne({ name: 'due' }), jobOne({ name: 'button' })],
      ['uc:here', 'uc:button'],
    );
    expect(one.others()).toBe(3);
    expect(book.next(() => one.others())).toBeUndefined();
    expect(book.next(() => 1)?.job.name).toBe('due');
    // A process of ours counts among ours.
    book.adopt('uc:here', 'here', now);
    expect(one.others()).toBe(2);
    // Its end frees its row, without another look.
    book.ended('uc:here', 'here', 'completed');
    expect(book.lockedElsewhere()).toEqual(['away']);
  });

  it('tells the end of jobs, whoever has begun them, and whether they had begun', () => {
    const { one } = way([]);
    expect(one.ended(ending({ started: 100.5, outcome: 'signalled' }))).toEqual({
      name: 'a',
      outcome: 'signalled',
      unbegun: false,
      began: 100_500,
    });
    expect(one.ended(ending({ outcome: 'cancelled' }))).toMatchObject({ unbegun: true });
    expect(one.ended(ending({ callback: 'other' }))).toBeUndefined();
  });
});

describe('a job of Ultimate Cron 1.x that left no log', () => {
  const told = (last = 0) => ultimateJobs([jobOne({ name: 'a', last })], { threads: { [launcher]: 9 } });
  const next = (book: UltimateBook): string | undefined => book.next(() => 0)?.job.name;
  const tick = performance.now();

  it('runs again at its next time and not at once', () => {
    const book = new UltimateBook();
    book.take(told(), now, tick);
    const pending = book.next(() => 0);
    if (!pending) throw new Error('nothing is due');
    book.begins('uc:a', pending, now, tick);
    book.ended('uc:a', 'a', 'boot-failed');
    book.take(told(), now + 5_000, tick + 5_000);
    expect(next(book)).toBeUndefined();
    book.take(told(), now + 60_000, tick + 60_000);
    expect(next(book)).toBe('a');
  });

  it('also when somebody else had begun it', () => {
    const book = new UltimateBook();
    const at = Date.now();
    book.take(ultimateJobs([jobOne({ name: 'a', rules: ['0 0 29 2 *'] })]), at, performance.now());
    book.ended('uc:a', 'a', 'lost', at);
    book.take(ultimateJobs([jobOne({ name: 'a' })]), at, performance.now());
    expect(next(book)).toBeUndefined();
  });
});
