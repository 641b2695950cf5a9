import type { Ending } from '../outcome/past-runs.js';
import { jobCallbackOne } from '../process/cron-one.js';
import { Serialized } from '../process/serialized.js';
import { errandPlace } from '../scheduler/errand-place.js';
import type { UltimateJob, UltimateJobs } from '../workers/protocol.js';
import { launchUltimateJob, readUltimateJobs } from '../workers/ultimate-jobs.js';
import type { PendingJob } from './ultimate-book.js';
import { runsOf, type JobEnd, type UltimateWay, type WayTools } from './ultimate-way.js';

/** What the module puts before the name of a job unless the site has set something else. */
const usualPrefix = 'uc:';

/**
 * Ultimate Cron 1.x: each job is the module's own process, whose row is its lock. The module writes
 * the log when the process has ended, and is told the cause when it has died.
 */
export class UltimateOne implements UltimateWay {
  readonly callback = jobCallbackOne;
  readonly callbacks = [jobCallbackOne];
  readonly #tools: WayTools;

  constructor(tools: WayTools) {
    this.#tools = tools;
  }

  handleOf({ name }: UltimateJob): string {
    return `${this.#prefix}${name}`;
  }

  jobOf(handle: string): string {
    return handle.startsWith(this.#prefix) ? handle.slice(this.#prefix.length) : handle;
  }

  isRow(): true {
    return true;
  }

  /** What the module itself would give it; behind that, for our own workers, for which time it was begun, and when. */
  argsOf({ job, due }: PendingJob): Serialized {
    const begun = Date.now() / 1000;
    return new Serialized(Buffer.from(job.args ?? '', 'base64')).and({ due: due / 1000, begun });
  }

  read(): Promise<UltimateJobs> {
    const { site, options } = this.#tools;
    return readUltimateJobs(errandPlace(site, options.bus, options.bootTimeout), 1, options.queuesOf(site));
  }

  async launch(job: string): Promise<void> {
    const { site, options } = this.#tools;
    await launchUltimateJob(errandPlace(site, options.bus, options.bootTimeout), 1, job);
  }

  /** The module counts all of its rows, of whichever host. */
  others(): number {
    const { book } = this.#tools;
    const here = runsOf(this.#tools, this.callback)
      .map(({ dispatch }) => dispatch.handle)
      .filter((handle) => !book.started.has(handle));
    return new Set([...here.map((handle) => this.jobOf(handle)), ...book.lockedElsewhere()]).size;
  }

  async keep(): Promise<void> {
    // Its lock is its row, after which others look.
  }

  closeLog(): void {
    // It is written when the run is over.
  }

  ended({ run }: Ending): JobEnd | undefined {
    if (run.callback !== this.callback) return undefined;
    const began = run.started === undefined ? undefined : run.started * 1000;
    // Where the site did not boot there is no log: it runs again at its next time, and not at once.
    return { name: this.jobOf(run.handle), outcome: run.outcome, unbegun: began === undefined, began };
  }

  async stop(): Promise<void> {
    // Nothing is left to be done.
  }

  get #prefix(): string {
    return this.#tools.book.told?.prefix ?? usualPrefix;
  }
}
