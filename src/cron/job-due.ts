import type { UltimateJob } from '../workers/protocol.js';
import { lastFire, nextFire, nextOf } from './fires.js';
import type { Rule } from './rule.js';
import { rulesOf } from './rule-one.js';
import { wasSetBack, type Moment } from './set-back.js';
import type { Zone } from './zone.js';

const minute = 60_000;

/** When a job was last seen to begin, as its log has it. */
export type Begun = Moment;

/** What is to be done about a job. */
export interface JobDue {
  /** The instant for which it is to run now; undefined: it is not. Milliseconds since 1970. */
  readonly due?: number;
  /** When it fires next. */
  readonly next?: number;
  /** Why its rules cannot be used. */
  readonly problem?: string;
}

/**
 * Whether a job is due by its rules: when the last time that they name lies behind its last
 * begin, and not further back than it may catch up (contract cron.md §2.4).
 *
 * Its last begin counts by a clock that nobody sets, too: where the time was set back, the log is
 * ahead of the clock, and a job must not wait until the clock has caught up with it.
 *
 * @param now milliseconds since 1970
 * @param tick the same moment in monotonic milliseconds
 */
export function jobDue(job: UltimateJob, zone: Zone, begun: Begun | undefined, now: number, tick: number): JobDue {
  const { good, bad } = rulesOf(job);
  const problem = bad[0] ? `${bad[0].text}: ${bad[0].reason}` : good.length === 0 ? 'it has no rule' : undefined;
  const next = nextOf(good, zone, now);
  const dues = good.map((rule) => dueBy(job, rule, zone, begun, now, tick)).filter((at) => at !== undefined);
  return {
    ...(dues.length > 0 ? { due: Math.max(...dues) } : {}),
    ...(next === undefined ? {} : { next }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function dueBy(
  job: UltimateJob,
  rule: Rule,
  zone: Zone,
  begun: Begun | undefined,
  now: number,
  tick: number,
): number | undefined {
  const last = lastFire(rule, zone, now);
  if (last === undefined) return undefined;
  const next = nextFire(rule, zone, last);
  // Preset intervals may be caught up as long as they are; the module takes those of its default rule.
  const catchUp =
    job.scheduler === 'simple' && next !== undefined ? Math.max(next - last, 10 * minute) : job.catchUp * 1000;
  // Within its own minute it is never late.
  if (now >= last + Math.max(catchUp, minute)) return undefined;
  if (!begun || begun.at < last) return last;
  if (!wasSetBack(begun, now, tick)) return undefined;
  return next !== undefined && tick - begun.tick >= next - last ? last : undefined;
}
