import { Repeated } from '../components/repeated.js';
import { TroubleTeller } from '../events/trouble-teller.js';
import type { Ending } from '../outcome/past-runs.js';
import type { Outcome } from '../process/outcome.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot } from '../scheduler/start-own.js';
import { stopRun } from '../scheduler/stop-run.js';
import { databaseReason } from '../store/database.js';
import type { CronJob } from './cron-job.js';
import type { CronTools } from './cron-tools.js';
import type { Upcoming } from './upcoming.js';
import { UltimateBook, type PendingJob } from './ultimate-book.js';
import { UltimateOne } from './ultimate-one.js';
import { UltimatePages } from './ultimate-pages.js';
import { UltimateTwo } from './ultimate-two.js';
import { runsOf, type UltimateWay } from './ultimate-way.js';

/** Milliseconds after which a look at the jobs is tried again that did not work, and after which a start counts as dropped. */
const again = 5_000;

/** What became of the wish to run a job. */
export type JobStart = { readonly handle: string } | { readonly reason: string };

/** Ultimate Cron of one site, in one version. */
export class UltimateSite {
  readonly version: 1 | 2;
  readonly #site: ServedSite;
  readonly #options: CronTools;
  readonly #book = new UltimateBook();
  readonly #trouble: TroubleTeller;
  readonly #pages: UltimatePages;
  readonly #way: UltimateWay;
  readonly #looks = new Repeated(() => this.#options.guard.run(this.#site, () => this.#keep()));
  readonly #ticks = new Repeated(() => this.#read());
  /** Number of the minute of the last look at the jobs that worked. */
  #seenMinute = 0;
  /** Monotonic milliseconds of the last one that did not work. */
  #failedAt = -again;

  constructor(site: ServedSite, version: 1 | 2, options: CronTools) {
    this.version = version;
    this.#site = site;
    this.#options = options;
    const tools = { site, options, book: this.#book };
    this.#way = version === 1 ? new UltimateOne(tools) : new UltimateTwo(tools);
    this.#trouble = new TroubleTeller(options.bus, `cron of ${site.name}`, site.name);
    this.#pages = new UltimatePages(site, options.bus);
  }

  jobs(): CronJob[] {
    // Also one that somebody has begun on a page since the last look.
    const runs = new Set(
      this.#way.callbacks
        .flatMap((callback) => this.#runs(callback))
        .map(({ dispatch }) => this.#way.jobOf(dispatch.handle)),
    );
    return this.#book.view(this.#site.name).map((job) => (runs.has(job.name) ? { ...job, state: 'running' } : job));
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
      const told = await this.#way.read();
      const { problems, open, ahead } = this.#book.take(told, Date.now(), performance.now());
      for (const { dispatch } of this.#own()) {
        this.#book.adopt(dispatch.handle, this.#way.jobOf(dispatch.handle), Date.now());
      }
      for (const { name, problem } of problems) bus.emit('cron.unusable', { site, job: name, reason: problem });
      for (const { name, seconds } of ahead) bus.emit('cron.ahead', { site, job: name, seconds });
      for (const one of open) this.#way.closeLog(one);
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
      const next = this.#book.next((launcher) => this.#way.others(launcher));
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
    return { handle: first?.[0] ?? '' };
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
    // Nothing begins here any more, though what runs may take long: from now on the pages do it.
    if (this.#options.taker.closed) await this.#pages.release();
    else await this.#pages.hold(now, this.#book.told?.locksHere === true);
    await this.#forgetDropped();
    await this.#way.keep(now);
  }

  /** A run of the site has ended; whichever. */
  ended(ending: Ending): void {
    const end = this.#way.ended(ending);
    if (!end) return;
    const { handle } = ending.run;
    const started = this.#book.started.get(handle);
    const over = (): void => {
      // One that the book did not know may have made place for another meanwhile.
      if (this.#book.started.get(handle) !== started) return;
      if (end.unbegun) this.#book.withdraw(handle);
      this.#book.ended(handle, end.name, end.outcome, end.began);
      void this.launch();
    };
    if (!end.closed) {
      over();
      return;
    }
    // Begun before its lock is free the job would take itself for one that runs elsewhere, and do nothing.
    if (started) started.closing = true;
    void end.closed.then(over);
  }

  /** Gives cron back to the pages; resolves when what died is closed, too. */
  async stop(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#ticks.stop()]);
    await this.#pages.release();
    await this.#way.stop();
  }

  async #begin(pending: PendingJob): Promise<JobStart> {
    const { taker, hostsOf } = this.#options;
    const { job } = pending;
    const way = this.#way;
    const handle = way.handleOf(job);
    if (this.#book.started.has(handle)) return { reason: 'it runs' };
    this.#book.begins(handle, pending, Date.now(), performance.now());
    try {
      const ours = hostsOf(this.#site);
      const hosts = job.hosts.length === 0 ? ours : job.hosts.filter((host) => ours.includes(host));
      if (way.isRow(job) && (job.daemonize || hosts.length === 0)) {
        // One that starts itself again and again under the same lock, or that is for another host: as the module does it.
        await way.launch(job.name);
        this.#book.started.delete(handle);
        return { handle };
      }
      const process = { handle, callback: way.callback, serviceHost: hosts[0] ?? ours[0] ?? '' };
      const started = await startOwn(taker, this.#site, process, way.argsOf(pending));
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
      ([handle, { renewedAt, closing }]) => !closing && !seen.has(handle) && Date.now() - renewedAt > again,
    );
    if (absent.length === 0) return;
    const rows = new Set((await this.#site.store.find(absent.map(([handle]) => handle))).map(({ handle }) => handle));
    const now = runs();
    for (const [handle, entry] of absent) {
      if (!rows.has(handle) && !now.has(handle) && started.get(handle) === entry) this.#book.withdraw(handle);
    }
  }

  /** Runs of this site that are jobs. */
  #own(): RunRecord[] {
    return this.#runs(this.#way.callback);
  }

  #runs(callback: string): RunRecord[] {
    return runsOf({ site: this.#site, options: this.#options, book: this.#book }, callback);
  }
}

function minuteOf(now: number): number {
  return Math.floor(now / 60_000);
}
