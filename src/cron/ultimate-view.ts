import type { UltimateJob, UltimateJobs } from '../workers/protocol.js';
import type { CronJob } from './cron-job.js';
import { firesOfAll } from './fires.js';
import type { Begun } from './job-due.js';
import { rulesOf } from './rule-one.js';
import type { Upcoming } from './upcoming.js';
import { Zone } from './zone.js';

/** Milliseconds that are looked ahead for what comes next: every date and weekday meet within 28 years. */
const farthest = 40 * 366 * 86_400_000;

/** What is known of a job of Ultimate Cron. */
export interface KnownJob {
  job: UltimateJob | undefined;
  problem?: string | undefined;
  begun?: Begun | undefined;
  /** The last begin as the log had it, seconds since 1970. */
  logged: number;
  next?: number | undefined;
  outcome?: string;
  lateMs?: number;
  /** Its log entry that was open at the last look although nothing ran. */
  open?: string | undefined;
  /** Lock of its last run here, which is over. */
  freed?: string | undefined;
}

/** Whether a job has not one rule that can be used. */
export function isUnusable({ job, problem }: Pick<KnownJob, 'job' | 'problem'>): boolean {
  return problem !== undefined && (!job || rulesOf(job).good.length === 0);
}

/** A job as people see it. */
export function jobView(
  about: {
    readonly site: string;
    readonly name: string;
    readonly told: UltimateJobs | undefined;
    /** Whether a process of it runs here. */
    readonly runs: boolean;
  },
  { job, problem, begun, next, outcome, lateMs }: KnownJob,
): CronJob {
  const { site, name, told } = about;
  const idle = told?.maintenance ? 'maintenance' : told?.stopped || job?.disabled ? 'off' : 'waiting';
  const runs = about.runs || (job?.lock ?? '') !== '';
  const unusable = isUnusable({ job, problem });
  const rules = job?.rules.join('; ') ?? '';
  return {
    site,
    name,
    rule: unusable ? `unusable: ${problem ?? ''}` : problem === undefined ? rules : `${rules} (left out: ${problem})`,
    zone: told?.zone ?? '',
    state: runs ? 'running' : unusable ? 'unusable' : idle,
    last: begun ? begun.at / 1000 : null,
    next: next === undefined || idle !== 'waiting' ? null : next / 1000,
    outcome: outcome ?? null,
    lateMs: lateMs ?? null,
    step: null,
  };
}

/** When jobs are due by their rules, from an instant on (milliseconds since 1970). */
export function upcomingJobs(
  site: string,
  told: UltimateJobs,
  jobs: ReadonlyMap<string, KnownJob>,
  from: number,
): Upcoming[] {
  const zone = Zone.orUtc(told.zone);
  if (told.stopped || told.maintenance || !told.installed) return [];
  return [...jobs].flatMap(([name, { job }]) => {
    if (!job || job.disabled || job.due !== null) return [];
    const { good } = rulesOf(job);
    return [{ site, name, zone, starts: firesOfAll(good, zone, from, from + farthest) }];
  });
}
