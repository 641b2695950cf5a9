import type { Ending } from '../outcome/past-runs.js';
import type { Serialized } from '../process/serialized.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { UltimateJob, UltimateJobs } from '../workers/protocol.js';
import type { CronTools } from './cron-tools.js';
import type { OpenLog, PendingJob, UltimateBook } from './ultimate-book.js';

/** What became of the process of a job. */
export interface JobEnd {
  readonly name: string;
  readonly outcome: string;
  /** It has never begun, so that its time is not used up. */
  readonly unbegun: boolean;
  /** When it began, in milliseconds since 1970, where that is not in its log. */
  readonly began?: number | undefined;
  /** Resolves when the lock of one that died is free and its log closed, or that was given up. */
  readonly closed?: Promise<void> | undefined;
}

/** What differs between the versions of Ultimate Cron: how a job runs as a process, and what has to be done around it. */
export interface UltimateWay {
  /** The callback of processes that the daemon starts. */
  readonly callback: string;
  /** All callbacks by which jobs run here, also those that the module itself begins. */
  readonly callbacks: readonly string[];
  /** The name of a job's process. */
  handleOf(job: UltimateJob): string;
  /** The job that a process runs. */
  jobOf(handle: string): string;
  /** Whether its lock is the row of its process, so that another host may run it, too. */
  isRow(job: UltimateJob): boolean;
  /** The arguments of its process. */
  argsOf(pending: PendingJob): readonly unknown[] | Serialized;
  /** The jobs as they are now. Throws Error with the reason. */
  read(): Promise<UltimateJobs>;
  /** Has a job launched by the module itself. Throws Error with the reason. */
  launch(job: string): Promise<void>;
  /** Jobs of a launcher that run and that the daemon has not started. */
  others(launcher: string): number;
  /** Looks after what runs. `now` in seconds since 1970. Throws what the database throws. */
  keep(now: number): Promise<void>;
  /** A log entry is open that nobody will close. */
  closeLog(open: OpenLog): void;
  /** A run has ended; undefined: it is no job. */
  ended(ending: Ending): JobEnd | undefined;
  /** Resolves when what has ended is seen to. */
  stop(): Promise<void>;
}

/** What a way works with. */
export interface WayTools {
  readonly site: ServedSite;
  readonly options: CronTools;
  readonly book: UltimateBook;
}

/** Runs of a site that have a callback. */
export function runsOf({ site, options }: WayTools, callback: string): RunRecord[] {
  return options.running().filter(({ dispatch }) => dispatch.site === site && dispatch.callback === callback);
}
