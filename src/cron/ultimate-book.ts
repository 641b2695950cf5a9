import type { UltimateJob, UltimateJobs } from '../workers/protocol.js';
import type { CronJob } from './cron-job.js';
import { jobDue, type Begun } from './job-due.js';
import { isUnusable, jobView, upcomingJobs, type KnownJob } from './ultimate-view.js';
import type { Upcoming } from './upcoming.js';
import { Zone } from './zone.js';

/** Milliseconds by which clocks of two machines may differ without a word. */
const tolerance = 60_000;

/** A job that is due or was asked for, and waits for a thread of its launcher. */
export interface PendingJob {
  readonly job: UltimateJob;
  /** Milliseconds since 1970; 0: somebody has asked for it. */
  readonly due: number;
}

/** One that runs, or is about to. */
export interface StartedJob {
  readonly name: string;
  readonly launcher: string;
  /** Seconds. */
  readonly lockTimeout: number;
  /** It takes no thread of its launcher. */
  readonly unlimited: boolean;
  /** Milliseconds since 1970. */
  renewedAt: number;
  /** Id of its lock, as the site tells it. */
  lock?: string;
  /** What was known of its last begin before it. */
  readonly before?: Begun | undefined;
  /** It belongs to a run of all jobs. */
  readonly whole: boolean;
  /** Its process has died, and its lock is about to be freed. */
  closing?: boolean;
}

/** A log entry that nobody will close. */
export interface OpenLog {
  readonly name: string;
  readonly lock: string;
}

/** What a look at the jobs has brought to light. */
export interface Look {
  /** Jobs whose rules have become unusable since the last look, with the reason. */
  readonly problems: readonly { readonly name: string; readonly problem: string }[];
  /** Entries that were open twice in a row although nothing runs. */
  readonly open: readonly OpenLog[];
  /** Jobs whose last log entry lies ahead of the clock for the first time, by so many seconds. */
  readonly ahead: readonly { readonly name: string; readonly seconds: number }[];
}

/** What is known of the jobs of one site, and which of them are due. */
export class UltimateBook {
  /** By the handle of their process. */
  readonly started = new Map<string, StartedJob>();
  /** What holds for all of them; undefined before the first look. */
  told: UltimateJobs | undefined;
  readonly #pending = new Map<string, PendingJob>();
  readonly #jobs = new Map<string, KnownJob>();
  /** Jobs of a run of all jobs whose turn has not come yet. */
  readonly #whole = new Set<string>();

  /**
   * Takes what the site says of its jobs, and queues those that are due.
   *
   * @param now milliseconds since 1970
   * @param tick the same moment in monotonic milliseconds
   */
  take(told: UltimateJobs, now: number, tick: number): Look {
    this.told = told;
    const zone = Zone.orUtc(told.zone);
    const problems: { name: string; problem: string }[] = [];
    const open: OpenLog[] = [];
    const ahead: { name: string; seconds: number }[] = [];
    const rests = told.stopped || told.maintenance || !told.installed;
    const before = [...this.#jobs.keys()];
    this.#pending.clear();
    for (const found of told.jobs) {
      const known = this.#jobs.get(found.name) ?? { job: undefined, logged: -1 };
      this.#jobs.set(found.name, known);
      // The job may have ended while the site was being asked.
      const freed = 'title' in found && found.lock !== '' && found.lock === known.freed;
      const one = freed ? { ...found, lock: '' } : found;
      const had = known.problem;
      if (!('title' in one)) {
        known.problem = one.problem;
      } else {
        known.job = one;
        if (one.last !== known.logged && one.last * 1000 > now + tolerance) {
          ahead.push({ name: one.name, seconds: Math.round(one.last - now / 1000) });
        }
        if (one.last !== known.logged && one.last > 0) {
          known.begun = { at: one.last * 1000, tick: Math.min(tick, tick - (now - one.last * 1000)) };
        }
        known.logged = one.last;
        const run = this.#runOf(one.name);
        if (run && one.lock !== '') run.lock = one.lock;
        const due = one.due === null ? jobDue(one, zone, known.begun, now, tick) : one.due ? { due: now } : {};
        known.next = due.next;
        known.problem = due.problem;
        const idle = one.lock === '' && !run;
        if (due.due !== undefined && !one.disabled && idle && !rests) {
          this.#pending.set(one.name, { job: one, due: due.due });
        }
        if (this.#whole.has(one.name) && !this.#pending.has(one.name)) {
          if (one.disabled || !idle || rests) this.#whole.delete(one.name);
          else this.#pending.set(one.name, { job: one, due: 0 });
        }
        const left = idle && one.open !== '' ? one.open : undefined;
        if (left !== undefined && left === known.open) {
          open.push({ name: one.name, lock: left });
        }
        known.open = left;
      }
      if (known.problem !== undefined && known.problem !== had) {
        problems.push({ name: one.name, problem: known.problem });
      }
    }
    const names = new Set(told.jobs.map(({ name }) => name));
    for (const name of before.filter((one) => !names.has(one))) this.#jobs.delete(name);
    return { problems, open, ahead };
  }

  /**
   * The next job for which its launcher has a thread, which then waits no more.
   *
   * What was due first comes first; among jobs of the same minute the quick ones, so that a long
   * one delays no other; then what began longest ago.
   *
   * @param others runs of a launcher that somebody else has started
   */
  next(others: (launcher: string) => number): PendingJob | undefined {
    // What was only asked for lets go first whatever has its time.
    const rank = ({ job, due }: PendingJob): readonly number[] => [due || Infinity, Math.round(job.took), job.last];
    for (const one of [...this.#pending.values()].sort((a, b) => compare(rank(a), rank(b)))) {
      const { launcher, unlimited, name } = one.job;
      const mine = [...this.started.values()].filter((run) => run.launcher === launcher && !run.unlimited).length;
      if (unlimited || mine + others(launcher) < (this.told?.threads[launcher] ?? 1)) {
        this.#pending.delete(name);
        return one;
      }
    }
    return undefined;
  }

  /** Every job that is enabled and rests is to run once, as soon as there are threads; how many these are. */
  askForAll(): number {
    for (const [name, { job, problem }] of this.#jobs) {
      if (!job || job.disabled || job.lock !== '' || isUnusable({ job, problem }) || this.#runOf(name)) continue;
      this.#whole.add(name);
      if (!this.#pending.has(name)) this.#pending.set(name, { job, due: 0 });
    }
    return this.#whole.size;
  }

  /** Whether a run of all jobs goes on. */
  get wholeGoesOn(): boolean {
    return this.#whole.size > 0 || [...this.started.values()].some(({ whole }) => whole);
  }

  /** Lets go of those jobs of a run of all whose turn has not come yet. */
  dropWhole(): void {
    for (const name of this.#whole) {
      if (this.#pending.get(name)?.due === 0) this.#pending.delete(name);
    }
    this.#whole.clear();
  }

  find(name: string): UltimateJob | undefined {
    return this.#jobs.get(name)?.job;
  }

  /** A job begins now, as a process. */
  begins(handle: string, { job, due }: PendingJob, now: number, tick: number): void {
    const known = this.#jobs.get(job.name);
    const { name, launcher, lockTimeout, unlimited } = job;
    const whole = this.#whole.delete(name);
    this.started.set(handle, { name, launcher, lockTimeout, unlimited, renewedAt: now, before: known?.begun, whole });
    if (known) {
      known.begun = { at: now, tick };
      if (due > 0) known.lateMs = Math.max(0, now - due);
    }
  }

  /** It did not begin after all: its time is not used up. */
  withdraw(handle: string): void {
    const started = this.started.get(handle);
    const known = started && this.#jobs.get(started.name);
    this.started.delete(handle);
    if (known) known.begun = started.before;
  }

  /** A process of an earlier daemon goes on: its lock is the one that its job has. */
  adopt(handle: string, name: string, now: number): void {
    const job = this.find(name);
    if (job && !this.started.has(handle)) {
      const { launcher, lockTimeout, unlimited, lock } = job;
      this.started.set(handle, { name, launcher, lockTimeout, unlimited, renewedAt: now, lock, whole: false });
    }
  }

  /**
   * Its process has ended.
   *
   * @param began milliseconds since 1970, where its log may not have it
   */
  ended(handle: string, name: string, outcome: string, began?: number): void {
    const lock = this.started.get(handle)?.lock;
    this.started.delete(handle);
    const known = this.#jobs.get(name);
    if (!known) return;
    known.outcome = outcome;
    if (began !== undefined && began > (known.begun?.at ?? 0)) {
      known.begun = { at: began, tick: performance.now() - Math.max(0, Date.now() - began) };
    }
    // Its lock is free again, be that the row or the one that it had at the last look.
    if (known.job && [handle, lock].includes(known.job.lock)) known.job = { ...known.job, lock: '' };
    if (lock !== handle) known.freed = lock;
  }

  /** Names of jobs that were locked at the last look, and that nobody here has started. */
  lockedElsewhere(): string[] {
    return [...this.#jobs].flatMap(([name, { job }]) => (job && job.lock !== '' && !this.#runOf(name) ? [name] : []));
  }

  /** When the jobs are due by their rules. */
  upcoming(site: string, from: number): Upcoming[] {
    const { told } = this;
    return told ? upcomingJobs(site, told, this.#jobs, from) : [];
  }

  /** The jobs as people see them. */
  view(site: string): CronJob[] {
    return [...this.#jobs].map(([name, known]) =>
      jobView({ site, name, told: this.told, runs: this.#runOf(name) !== undefined }, known),
    );
  }

  #runOf(name: string): StartedJob | undefined {
    return [...this.started.values()].find((one) => one.name === name);
  }
}

/** Compares by the first number that differs. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}
