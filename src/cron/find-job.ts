import { fail } from '../errors.js';
import type { CronJob } from './cron-job.js';

/**
 * The one job that is meant.
 *
 * @param wish.site main address of its site; needed where several have a job of this name
 * @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS
 */
export function findJob(
  jobs: readonly CronJob[],
  { name, site }: { readonly name: string; readonly site?: string | undefined },
): CronJob {
  const found = jobs.filter((job) => job.name === name && (site === undefined || job.site === site));
  const [first, second] = found;
  if (!first) {
    throw fail('CRON_JOB_UNKNOWN', { name, at: site === undefined ? '' : ` of ${site}` });
  }
  if (second) {
    throw fail('CRON_JOB_AMBIGUOUS', { name, sites: found.map((job) => job.site).join(', ') });
  }
  return first;
}
