import { createHash } from 'node:crypto';

import type { ScheduleEntry } from '../config/schedule.js';
import type { EventBus } from '../events/bus.js';
import { cancelled } from '../process/outcome.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import type { CronSlot, SlotBook, TakenSlot } from '../store/cron-slot-table.js';
import type { CronJob } from './cron-job.js';
import { entryDue, startsOf, type EntryDue, type EntryTimes, type Fired } from './entry-due.js';
import { lastOf } from './fires.js';
import { readTimes } from './entry-times.js';
import type { EntryStart, EntryWork } from './entry-work.js';

/** Milliseconds after which a start is tried again that did not work. */
const again = 5_000;

export interface OwnEntryOptions {
  readonly entry: ScheduleEntry;
  readonly site: ServedSite;
  readonly work: EntryWork;
  /** Where its slots are kept. */
  readonly book: () => Promise<SlotBook>;
  readonly bus: EventBus;
}

/** One entry of `schedule`: when it is due, and what its overlap makes of that. */
export class OwnEntry {
  readonly entry: ScheduleEntry;
  readonly site: ServedSite;
  readonly work: EntryWork;
  readonly #options: OwnEntryOptions;
  #times: EntryTimes | undefined;
  /** The zone of the site for which `#times` were read; undefined: they were not. */
  #readFor: string | undefined;
  #problem: string | undefined;
  /** Nothing happens before; milliseconds since 1970. */
  #wake = 0;
  #newest: TakenSlot | undefined;
  #fired: Fired | undefined;
  /** Milliseconds since 1970. */
  #lastRun: number | undefined;
  #outcome: string | undefined;
  #lateMs: number | undefined;
  /** Somebody has asked for a run, which waits for the one before. */
  #asked = false;
  /** The time for which it was told already that it did not begin. */
  #toldFor: number | undefined;

  constructor(options: OwnEntryOptions) {
    this.#options = options;
    ({ entry: this.entry, site: this.site, work: this.work } = options);
  }

  /** When it runs; undefined: its rule or its zone cannot be used. */
  get times(): EntryTimes | undefined {
    const zone = this.site.facts?.timeZone ?? '';
    if (this.#readFor !== zone) {
      const times = readTimes(this.entry, zone);
      this.#readFor = zone;
      this.#wake = 0;
      this.#newest = undefined;
      this.#times = 'what' in times ? undefined : times;
      const problem = 'what' in times ? `${times.what} ${times.reason}` : undefined;
      if (problem !== undefined && problem !== this.#problem) {
        this.#options.bus.emit('cron.unusable', { site: this.site.name, job: this.entry.name, reason: problem });
      }
      this.#problem = problem;
    }
    return this.#times;
  }

  /** The clock was set: what was worked out by it does not hold any more. */
  forgetTimes(): void {
    this.#wake = 0;
  }

  /**
   * Looks whether it is due. Throws what the database throws.
   *
   * @param now milliseconds since 1970
   * @param tick the same moment in monotonic milliseconds
   */
  async look(now: number, tick: number): Promise<void> {
    if (this.#asked && !(await this.work.busy())) {
      this.#asked = false;
      this.#tell(await this.#begin(), undefined);
    }
    const { times } = this;
    if (!times || now < this.#wake || this.work.rests() !== undefined) return;
    const book = await this.#options.book();
    await this.#readNewest(book, times, now, tick);
    const due = entryDue(times, this.#fired, now, tick);
    if (due.due === undefined) {
      this.#wake = due.wake;
      return;
    }
    const busy = await this.work.busy();
    if (busy && this.entry.overlap !== 'skip') {
      // Its slot stays free: whichever daemon sees the end of the run before it begins the next.
      if (this.entry.overlap === 'replace') this.#stopForNext();
      return;
    }
    await this.#fire(book, { ...due, due: due.due }, busy, now, tick);
  }

  /** Runs it now, whatever its time is; its handle, or why it cannot. */
  async run(): Promise<{ readonly handle: string } | { readonly reason: string }> {
    if (this.#asked) return { reason: 'one waits already' };
    if (await this.work.busy()) {
      if (this.entry.overlap === 'skip') return { reason: 'it runs' };
      if (this.entry.overlap === 'replace') this.#stopForNext();
      this.#asked = true;
      return { handle: this.work.handle ?? this.entry.name };
    }
    const started = await this.#begin();
    return started === 'there' ? { reason: 'it runs' } : started;
  }

  /** A run of it has ended. */
  ended(outcome: string): void {
    this.#outcome = outcome;
    this.work.over();
  }

  /** As people see it. */
  view(now: number): CronJob {
    const { times, work } = this;
    const rests = work.rests();
    const [next] = times ? startsOf(times, now) : [];
    return {
      site: this.site.name,
      name: this.entry.name,
      rule: times ? times.rules.map(({ text }) => text).join('; ') : `unusable: ${this.#problem ?? ''}`,
      zone: times?.zone.name ?? this.entry.zone ?? '',
      state: work.running() ? 'running' : times ? (rests ?? 'waiting') : 'unusable',
      last: this.#lastRun === undefined ? null : this.#lastRun / 1000,
      next: next === undefined ? null : next / 1000,
      outcome: this.#outcome ?? null,
      lateMs: this.#lateMs ?? null,
      step: null,
    };
  }

  async #fire(
    book: SlotBook,
    due: EntryDue & { readonly due: number },
    busy: boolean,
    now: number,
    tick: number,
  ): Promise<void> {
    const slot: CronSlot = {
      entry: this.entry.name,
      due: due.due / 1000,
      pass: due.again ? (this.#newest?.seq ?? 0) : 0,
      // Left out is not run.
      fired: busy ? null : now / 1000,
      rule: this.#rule,
    };
    if (!(await book.take(slot))) {
      // Another daemon has; the next look sees it.
      return;
    }
    const before = this.#fired;
    this.#fired = { due: due.due, tick };
    this.#wake = due.wake;
    const started = busy ? 'there' : await this.#begin();
    if (typeof started === 'object' && 'handle' in started) {
      this.#lateMs = Math.max(0, now - (due.start ?? due.due));
      return;
    }
    this.#tell(started, due.due);
    const overlaps = started === 'there' && this.entry.overlap === 'skip';
    if (!overlaps && (started === 'there' || started.temporary)) {
      this.#fired = before;
      this.#wake = now + again;
      await book.giveBack(slot);
    }
  }

  async #begin(): Promise<EntryStart> {
    try {
      const started = await this.work.start();
      if (typeof started === 'object' && 'handle' in started) this.#lastRun = Date.now();
      return started;
    } catch (error) {
      return { reason: databaseReason(error), temporary: true };
    }
  }

  #stopForNext(): void {
    const who = `its schedule (${this.entry.name})`;
    this.work.stop((callback) => cancelled(callback, who, 'its next run is due'));
  }

  /** Says once for each time why nothing began. */
  #tell(started: EntryStart, due: number | undefined): void {
    if (typeof started === 'object' && 'handle' in started) return;
    if (due !== undefined && this.#toldFor === due) return;
    this.#toldFor = due;
    const reason = started === 'there' ? 'the run before still goes on' : started.reason;
    this.#options.bus.emit('cron.not-started', { site: this.site.name, job: this.entry.name, reason });
  }

  /** What was fired last, by whichever daemon. One that is new, or whose rule is, has missed nothing. */
  async #readNewest(book: SlotBook, times: EntryTimes, now: number, tick: number): Promise<void> {
    const first = this.#newest === undefined;
    let newest = await book.newest(this.entry.name);
    if (first && newest?.rule !== this.#rule) {
      const due = Math.max(0, Math.floor((lastOf(times.rules, times.zone, now) ?? 0) / 1000));
      const mark = { entry: this.entry.name, due, pass: newest?.seq ?? 0, fired: null, rule: this.#rule };
      if (typeof newest?.fired === 'number') this.#lastRun ??= newest.fired * 1000;
      await book.take(mark);
      newest = await book.newest(this.entry.name);
    }
    if (newest === undefined || newest.seq === this.#newest?.seq) return;
    this.#newest = newest;
    const ago = newest.fired === null ? 0 : Math.max(0, now - newest.fired * 1000);
    this.#fired = { due: newest.due * 1000, tick: tick - ago };
    if (newest.fired !== null) this.#lastRun = Math.max(this.#lastRun ?? 0, newest.fired * 1000);
  }

  get #rule(): string {
    return createHash('sha1')
      .update(`${this.entry.rule}\n${this.#times?.zone.name ?? ''}`)
      .digest('hex');
  }
}
