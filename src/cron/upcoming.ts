import type { OwnEntry } from './own-entry.js';
import { startsOf } from './entry-due.js';
import type { Zone } from './zone.js';

/** A job with the instants at which it is going to begin. */
export interface Upcoming {
  readonly site: string;
  readonly name: string;
  readonly zone: Zone;
  /** Ascending, milliseconds since 1970. */
  readonly starts: Iterator<number, void>;
}

/** One job that is going to begin. */
export interface NextRun {
  readonly site: string;
  readonly name: string;
  /** ISO 8601, in the zone of the job. */
  readonly at: string;
  readonly zone: string;
}

/**
 * What begins next, in the order of time; jobs of the same moment as they are given.
 *
 * @param count how many at most
 */
export function nextRuns(jobs: readonly Upcoming[], count: number): NextRun[] {
  const next = ({ starts }: Upcoming): number => {
    const head = starts.next();
    return head.done ? Infinity : head.value;
  };
  const heads = jobs.map((job) => ({ job, at: next(job) }));
  const found: NextRun[] = [];
  while (found.length < count) {
    const at = Math.min(...heads.map((one) => one.at));
    const first = heads.find((one) => one.at === at);
    if (!first || at === Infinity) break;
    const { site, name, zone } = first.job;
    found.push({ site, name, at: zone.format(at), zone: zone.name });
    first.at = next(first.job);
  }
  return found;
}

/** When entries of our own begin. */
export function upcomingEntries(entries: readonly OwnEntry[], from: number): Upcoming[] {
  return entries.flatMap(({ entry, site, times }) =>
    times ? [{ site: site.name, name: entry.name, zone: times.zone, starts: startsOf(times, from) }] : [],
  );
}
