import { describe, expect, test } from 'vitest';

import type { ScheduleEntry } from '../../src/config/schedule.js';
import type { EntryStart, EntryWork } from '../../src/cron/entry-work.js';
import { MemorySlots } from '../../src/cron/memory-slots.js';
import { OwnEntry } from '../../src/cron/own-entry.js';
import { EventBus } from '../../src/events/bus.js';
import type { Outcome } from '../../src/process/outcome.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import type { SlotBook } from '../../src/store/cron-slot-table.js';

const minute = 60_000;
const noon = Date.UTC(2025, 5, 1, 12, 0);

/** Work that goes on until it is told to end; several entries may share it, as they share a database. */
class FakeWork implements EntryWork {
  readonly handle = 'drupald_schedule:entry';
  begun = 0;
  stopped: string[] = [];
  going = false;
  answer: EntryStart | undefined;

  start(): Promise<EntryStart> {
    if (this.answer !== undefined) return Promise.resolve(this.answer);
    if (this.going) return Promise.resolve('there');
    this.begun += 1;
    this.going = true;
    return Promise.resolve({ handle: this.handle });
  }

  busy(): Promise<boolean> {
    return Promise.resolve(this.going);
  }

  running(): boolean {
    return this.going;
  }

  stop(cause: (callback: string) => Outcome): void {
    this.stopped.push(cause('the_callback').sentence);
  }

  owns(): boolean {
    return true;
  }

  over(): void {}

  rests(): undefined {
    return undefined;
  }
}

function setUp(change: Partial<ScheduleEntry> = {}, work = new FakeWork(), book: SlotBook = new MemorySlots()) {
  const bus = new EventBus();
  const told: string[] = [];
  bus.on('cron.not-started', ({ reason }) => told.push(reason));
  bus.on('cron.unusable', ({ reason }) => told.push(reason));
  const entry: ScheduleEntry = {
    name: 'entry',
    rule: '* * * * *',
    zone: 'UTC',
    site: undefined,
    work: { kind: 'callback', callback: 'the_callback', arguments: [] },
    overlap: 'skip',
    jitter: 0,
    limit: undefined,
    catchUp: 3_600_000,
    ...change,
  };
  const site = { name: 'http://site.test', facts: { timeZone: 'UTC' } } as unknown as ServedSite;
  const own = new OwnEntry({ entry, site, work, book: () => Promise.resolve(book), bus });
  /** Looks at a minute after noon. */
  const at = (after: number): Promise<void> => own.look(noon + after * minute, after * minute);
  return { own, work, book, told, at };
}

describe('an entry', () => {
  test('that is new has missed nothing', async () => {
    const { work, at } = setUp({ rule: '0 * * * *' });
    await at(30);
    expect(work.begun).toBe(0);
    await at(60);
    expect(work.begun).toBe(1);
  });

  test('whose rule was changed has missed nothing, either', async () => {
    const { book, at } = setUp({ rule: '10 * * * *' });
    await at(30);
    const changed = setUp({ rule: '20 * * * *' }, new FakeWork(), book);
    await changed.at(40);
    expect(changed.work.begun).toBe(0);
    await changed.at(80);
    expect(changed.work.begun).toBe(1);
  });

  test('is made up for once by the next daemon', async () => {
    const first = setUp({ rule: '*/10 * * * *' });
    await first.at(1);
    const next = setUp({ rule: '*/10 * * * *' }, new FakeWork(), first.book);
    await next.at(45);
    next.work.going = false;
    await next.at(46);
    expect(next.work.begun).toBe(1);
  });

  test('is fired by one of two daemons', async () => {
    const one = setUp();
    const two = setUp({}, one.work, one.book);
    for (const after of [0, 1, 2, 3]) {
      await Promise.all([one.at(after), two.at(after)]);
      one.work.going = false;
    }
    expect(one.work.begun).toBe(3);
    expect([...one.told, ...two.told]).toEqual([]);
  });

  test('with a bad rule is told, and shown as unusable', async () => {
    const { own, told, at } = setUp({ rule: '5-3 * * * *' });
    await at(0);
    await at(1);
    expect(told).toEqual([expect.stringContaining('upside down')]);
    expect(own.view(noon)).toMatchObject({ state: 'unusable', next: null });
  });

  test('that could not begin for a moment begins a little later, for the same time', async () => {
    const { work, told, at } = setUp({ rule: '0 * * * *' });
    await at(30);
    work.answer = { reason: 'too many starts wait', temporary: true };
    await at(60);
    await at(61);
    work.answer = undefined;
    await at(62);
    expect(work.begun).toBe(1);
    expect(told).toEqual(['too many starts wait']);
    work.going = false;
    await at(63);
    expect(work.begun).toBe(1);
  });

  test('that cannot begin at all is told once', async () => {
    const { work, told, at } = setUp({ rule: '0 * * * *' });
    await at(30);
    work.answer = { reason: 'there is no queue', temporary: false };
    await at(60);
    await at(61);
    expect(told).toEqual(['there is no queue']);
  });
});

describe('overlap', () => {
  test('skip: what is due meanwhile is left out', async () => {
    const { own, work, book, told, at } = setUp({ overlap: 'skip' });
    for (const after of [0, 1, 2, 3]) await at(after);
    expect(work.begun).toBe(1);
    expect(told).toHaveLength(2);
    // What was left out is no run.
    expect((await book.newest('entry'))?.fired).toBeNull();
    work.going = false;
    await at(3.5);
    expect(work.begun).toBe(1);
    await at(4);
    expect(work.begun).toBe(2);
    expect(await own.run()).toEqual({ reason: 'it runs' });
  });

  test('queue: one waits at most', async () => {
    const { own, work, at } = setUp({ overlap: 'queue' });
    for (const after of [0, 1, 2, 3]) await at(after);
    expect(work.begun).toBe(1);
    work.going = false;
    await at(3.5);
    expect(work.begun).toBe(2);
    work.going = false;
    await at(3.6);
    expect(work.begun).toBe(2);
    work.going = true;
    expect(await own.run()).toEqual({ handle: work.handle });
    expect(await own.run()).toEqual({ reason: 'one waits already' });
    work.going = false;
    await at(3.7);
    expect(work.begun).toBe(3);
  });

  test('queue: the next daemon knows of the one that waits', async () => {
    const first = setUp({ overlap: 'queue' });
    for (const after of [0, 1, 2]) await first.at(after);
    const next = setUp({ overlap: 'queue' }, first.work, first.book);
    await next.at(2.1);
    first.work.going = false;
    await next.at(2.2);
    expect(first.work.begun).toBe(2);
  });

  test('replace: the one before is ended with that reason, then the next one begins', async () => {
    const { work, at } = setUp({ overlap: 'replace' });
    await at(0);
    await at(1);
    await at(2);
    expect(work.begun).toBe(1);
    expect(work.stopped).toEqual([
      'The run of the callback the_callback was cancelled by its schedule (entry): its next run is due.',
    ]);
    work.going = false;
    await at(2.1);
    expect(work.begun).toBe(2);
  });
});
