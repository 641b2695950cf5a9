import { formatDuration } from '../support/duration.js';
import { coreCronDue, intervalOf, type CoreCronState } from './core-due.js';
import type { CronJob } from './cron-job.js';

/** The name of the job. */
const coreCronName = 'cron';

/** What is known of a site's cron; nothing before the first look. */
interface Known {
  readonly state: CoreCronState;
  readonly outcome?: string;
  readonly lateMs?: number;
}

/**
 * Cron of a site without Ultimate Cron as people see it.
 *
 * @param now seconds since 1970
 */
export function coreJob(
  about: { readonly site: string; readonly zone: string; readonly running: boolean; readonly step: string | undefined },
  known: Known | undefined,
  now: number,
): CronJob {
  const { site, zone, running, step } = about;
  const due = known && coreCronDue(known.state, now);
  const idle = typeof due === 'number' ? 'waiting' : due === 'not-installed' ? 'not installed' : (due ?? 'unknown');
  return {
    site,
    name: coreCronName,
    rule: known && intervalOf(known.state) > 0 ? `every ${formatDuration(intervalOf(known.state) * 1000)}` : 'never',
    zone,
    state: running ? 'running' : idle,
    last: known?.state.ran ?? known?.state.last ?? null,
    next: typeof due === 'number' ? Math.max(due, now) : null,
    outcome: known?.outcome ?? null,
    lateMs: known?.lateMs ?? null,
    step: step || null,
  };
}
