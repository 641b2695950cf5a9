import { randomUUID } from 'node:crypto';

import { Repeated } from '../components/repeated.js';
import { TroubleTeller } from '../events/trouble-teller.js';
import type { Ending } from '../outcome/past-runs.js';
import { cancelled, type Outcome } from '../process/outcome.js';
import { ultimateJobCallback } from '../process/own-callback.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot } from '../scheduler/start-own.js';
import { stopRun } from '../scheduler/stop-run.js';
import { databaseReason } from '../store/database.js';
import { Backoff } from '../support/backoff.js';
import type { JobToClose } from '../workers/protocol.js';
import { closeUltimateJob, launchUltimateJob, readUltimateJobs } from '../workers/ultimate-jobs.js';
import type { CronJob } from './cron-job.js';
import { errandPlace, type CronTools } from './cron-tools.js';
import type { Upcoming } from './upcoming.js';
import { UltimateBook, type PendingJob } from './ultimate-book.js';
import { UltimatePages } from './ultimate-pages.js';

/** Before the name of a job in the handle of its process, where the row is not its lock. */
const prefix = 'drupald_cron:';

/** The launcher whose lock is the row of the process, and how it names the row. */
const byProcess = { name: 'background_process_legacy', prefix: 'uc-' };

/** The callback by which that launcher runs jobs itself. */
const launcherCallback = 'UltimateCronBackgroundProcessLegacyLauncher::job_callback';

/** Milliseconds after which a look at the jobs is tried again that did not work, and after which a start counts as dropped. */
const again = 5_000;

/** How often a job that died is closed until that is given up. */
const closings = 8;

/** Seconds by which the log of a run may be older than its row. */
const tolerance = 2;

/** What became of the wish to run a job. */
export type JobStart = { readonly handle: string } | { readonly reason: string };

/** Ultimate Cron 2.x of one site. */
export class UltimateSite {
  readonly #site: ServedSite;
  readonly #options: CronTools;
  readonly #book = new UltimateBook();
  readonly #trouble: TroubleTeller;
  readonly #pages: UltimatePages;
  readonly #closing = new Set<Promise<void>>();
  readonly #looks = new Repeated(() => this.#options.guard.run(this.#site, () => this.#keep()));
  readonly #ticks = new Repeated(() => this.#read());
  /** Number of the minute of the last look at the jobs that worked. */
  #seenMinute = 0;
  /** Monotonic milliseconds of the last one that did not work. */
  #failedAt = -again;

  constructor(site: ServedSite, options: CronTools) {
    this.#site = site;
    this.#options = options;
    this.#trouble = new TroubleTeller(options.bus, `cron of ${site.name}`, site.name);
    this.#pages = new UltimatePages(site, options.bus);
  }

  jobs(): CronJob[] {
    return this.#book.view(this.#site.name);
  }

  /** Looks which jobs there are, and starts those that are due, unless it does so just now. */
  tick(): void {
    this.#ticks.now();
  }

  /** Looks at the pages and at what runs, unless it does so just now; at the jobs, too, when this minute's look is wanting. */
  look(): void {
    this.#looks.now();
    if (this.#seenMinute !== minuteOf(Date.now()) && performance.now() - this.#failedAt >= again) this.tick();
  }

  async #read(): Promise<void> {
    const { bus } = this.#options;
    const site = this.#site.name;
    const minute = minuteOf(Date.now());
    try {
      const told = await readUltimateJobs(errandPlace(this.#site, this.#options));
      const { problems, open } = this.#book.take(told, Date.now(), performance.now());
      for (const { dispatch } of this.#own()) this.#book.adopt(dispatch.handle, jobOf(dispatch.handle), Date.now());
      for (const { name, problem } of problems) bus.emit('cron.unusable', { site, job: name, reason: problem });
      for (const { name, lock } of open) {
        const sentence = 'The process that ran this job has gone without closing its log.';
        this.#close({ name, lock, sentence, since: 0, until: Date.now() / 1000 });
      }
      this.#seenMinute = minute;
      this.#trouble.over();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#failedAt = performance.now();
      this.#trouble.began('CRON_JOBS_UNREADABLE', { site, reason });
      return;
    }
    await this.launch();
  }

  /** Starts jobs that are due, as far as there are threads. */
  async launch(): Promise<void> {
    const { taker, bus } = this.#options;
    while (!taker.closed) {
      const next = this.#book.next((launcher) => this.#foreignRuns(launcher));
      if (!next) return;
      const started = await this.#begin(next);
      if ('reason' in started) {
        bus.emit('cron.not-started', { site: this.#site.name, job: next.job.name, reason: started.reason });
      }
    }
  }

  /** Runs a job now, whatever its time is and although it may be off. */
  async run(name: string): Promise<JobStart> {
    const job = this.#book.find(name);
    return job ? this.#begin({ job, due: 0 }) : { reason: 'it has not been looked at yet' };
  }

  /** Runs every job that is enabled once, as far as there are threads; the handle of the first, or why there is none. */
  async runAll(): Promise<JobStart> {
    const { told } = this.#book;
    if (!told) return { reason: 'its jobs have not been looked at yet' };
    if (this.#book.askForAll() === 0) return { reason: 'no job is enabled and rests' };
    await this.launch();
    const [first] = [...this.#book.started].filter(([, { whole }]) => whole);
    return { handle: first?.[0] ?? prefix };
  }

  /** Whether a run of all jobs goes on. */
  get allGoOn(): boolean {
    return this.#book.wholeGoesOn;
  }

  /** Whether a process belongs to a run of all jobs. */
  isOfAll(handle: string): boolean {
    return this.#book.started.get(handle)?.whole === true;
  }

  /** Ends a run of all jobs. */
  stopAll(cause: (callback: string) => Outcome): void {
    this.#book.dropWhole();
    for (const record of this.#own()) {
      const { handle, callback } = record.dispatch;
      if (this.isOfAll(handle)) void stopRun(record, cause(callback), this.#options.killGrace);
    }
  }

  /** Why its jobs wait, whatever their times are. */
  get rests(): 'maintenance' | 'not installed' | undefined {
    const { told } = this.#book;
    return told?.installed === false ? 'not installed' : told?.maintenance ? 'maintenance' : undefined;
  }

  /** When its jobs are due. */
  upcoming(from: number): Upcoming[] {
    return this.#book.upcoming(this.#site.name, from);
  }

  /** Holds the pages off, and looks after the locks of jobs that run. */
  async #keep(): Promise<void> {
    const now = Date.now() / 1000;
    const locksHere = this.#book.told?.locksHere === true;
    await this.#pages.hold(now, locksHere);
    await this.#forgetDropped();
    if (!locksHere) return;
    const locks = new Map(
      this.#own().flatMap((record) => this.#serialLock(record).map((lock) => [lock, record] as const)),
    );
    const held = await this.#site.ultimate.held([...locks.keys()]);
    for (const [lock, record] of locks) {
      const started = this.#book.started.get(record.dispatch.handle);
      if (!held.has(lock)) {
        // Not while it ends, and frees its lock itself.
        if (record.state === 'running' && record.steps.at(-1) !== '') {
          const who = 'somebody who unlocked the job in Drupal while it ran';
          void stopRun(record, cancelled(ultimateJobCallback, who, undefined), this.#options.killGrace);
        }
      } else if (started && Date.now() - started.renewedAt >= Math.min(30_000, started.lockTimeout * 250)) {
        started.renewedAt = Date.now();
        await this.#site.ultimate.renew(lock, now + started.lockTimeout);
      }
    }
  }

  /** A run of the site has ended; whichever. */
  ended({ run, steps = [] }: Ending): void {
    const own = run.callback === ultimateJobCallback;
    if (!own && !(run.callback === launcherCallback && run.outcome !== 'completed')) return;
    const name = jobOf(run.handle);
    const lock = steps[0] ?? this.#book.started.get(run.handle)?.lock ?? '';
    // An exit() in the job looks like an end without a fault, but it has not come to its last step.
    const died = own ? steps.at(-1) !== '' : true;
    if (own && steps.length === 0 && run.outcome !== 'completed') {
      this.#book.withdraw(run.handle);
    }
    this.#book.ended(run.handle, name, died && lock !== '' && run.outcome === 'completed' ? 'exited' : run.outcome);
    if (died) {
      const sentence = run.sentence || 'The job ended by exit().';
      const since = (run.created ?? run.accepted) - tolerance;
      this.#close({ name, lock, sentence, since, until: run.ended });
    }
    void this.launch();
  }

  /** Gives cron back to the pages; resolves when what died is closed, too. */
  async stop(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#ticks.stop()]);
    await this.#pages.release();
    await Promise.all(this.#closing);
  }

  async #begin(pending: PendingJob): Promise<JobStart> {
    const { taker, hostsOf, queuesOf } = this.#options;
    const { job, due } = pending;
    const isRow = job.launcher === byProcess.name;
    const handle = `${isRow ? byProcess.prefix : prefix}${job.name}`;
    if (this.#book.started.has(handle)) return { reason: 'it runs' };
    this.#book.begins(handle, pending, Date.now(), performance.now());
    try {
      const ours = hostsOf(this.#site);
      const hosts = job.hosts.length === 0 ? ours : job.hosts.filter((host) => ours.includes(host));
      if (isRow && (job.daemonize || hosts.length === 0)) {
        // One that starts itself again and again under the same lock, or that is for another host: as its launcher does it.
        await launchUltimateJob(errandPlace(this.#site, this.#options), job.name);
        this.#book.started.delete(handle);
        return { handle };
      }
      const lock = isRow ? `${job.name}:bgpl${randomUUID()}` : '';
      const process = { handle, callback: ultimateJobCallback, serviceHost: hosts[0] ?? ours[0] ?? '' };
      const options = { due: due / 1000, seen: job.last, queues: queuesOf(this.#site) };
      const started = await startOwn(taker, this.#site, process, [job.name, lock, options]);
      const reason = whyNot(started, handle);
      if (reason !== undefined) this.#book.withdraw(handle);
      return reason === undefined ? { handle } : { reason };
    } catch (error) {
      this.#book.withdraw(handle);
      return { reason: databaseReason(error) };
    }
  }

  /** Jobs whose process was dropped before it began may begin again. */
  async #forgetDropped(): Promise<void> {
    const { started } = this.#book;
    const runs = (): Set<string> => new Set(this.#own().map(({ dispatch }) => dispatch.handle));
    const seen = runs();
    const absent = [...started].filter(
      ([handle, { renewedAt }]) => !seen.has(handle) && Date.now() - renewedAt > again,
    );
    if (absent.length === 0) return;
    const rows = new Set((await this.#site.store.find(absent.map(([handle]) => handle))).map(({ handle }) => handle));
    const now = runs();
    for (const [handle, entry] of absent) {
      if (!rows.has(handle) && !now.has(handle) && started.get(handle) === entry) this.#book.withdraw(handle);
    }
  }

  /** Frees the lock of a job that died and closes its log, in the background. */
  #close(what: JobToClose): void {
    const closing = this.#closeInTheEnd(what).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #closeInTheEnd(what: JobToClose): Promise<void> {
    const backoff = new Backoff({ firstMs: 250, maxMs: 10_000 });
    for (let attempt = 1; ; attempt += 1) {
      try {
        await closeUltimateJob(errandPlace(this.#site, this.#options), what);
        return;
      } catch (error) {
        if (attempt === closings || this.#options.taker.closed) {
          const reason = error instanceof Error ? error.message : String(error);
          this.#options.bus.emit('cron.not-closed', { site: this.#site.name, job: what.name, reason });
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, backoff.next()));
      }
    }
  }

  /** Runs of this site that are jobs of ours. */
  #own(): RunRecord[] {
    return this.#options
      .running()
      .filter(({ dispatch }) => dispatch.site === this.#site && dispatch.callback === ultimateJobCallback);
  }

  /** Runs that the launcher, or somebody in Drupal, has started by itself. */
  #foreignRuns(launcher: string): number {
    if (launcher !== byProcess.name) return 0;
    return this.#options
      .running()
      .filter(({ dispatch }) => dispatch.site === this.#site && dispatch.callback === launcherCallback).length;
  }

  /** The number of the lock that a job of the serial launcher has taken, before this daemon or under it. */
  #serialLock(record: RunRecord): number[] {
    const lock = record.steps[0] ?? this.#book.started.get(record.dispatch.handle)?.lock ?? '';
    const match = /^serial-(\d+)$/.exec(lock);
    return match ? [Number(match[1])] : [];
  }
}

function minuteOf(now: number): number {
  return Math.floor(now / 60_000);
}

/** The job that a process runs. */
function jobOf(handle: string): string {
  const found = [prefix, byProcess.prefix].find((one) => handle.startsWith(one)) ?? '';
  return handle.slice(found.length);
}
