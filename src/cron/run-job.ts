import { fail } from '../errors.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { coreCronHandle, type CoreCron } from './core-cron.js';
import { findJob } from './find-job.js';

/**
 * Runs a job now, whatever its time is.
 *
 * @returns its site, and the handle under which it runs
 * @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED
 */
export async function runJob(
  cron: CoreCron,
  sites: readonly ServedSite[],
  wish: { readonly name: string; readonly site?: string | undefined },
): Promise<{ site: string; handle: string }> {
  const job = findJob(cron.jobs(), wish);
  const site = sites.find(({ name }) => name === job.site);
  const reason = site ? await cron.run(site) : 'its site is not served any more';
  if (reason !== undefined) {
    throw fail('CRON_JOB_NOT_STARTED', { name: job.name, site: job.site, reason });
  }
  return { site: job.site, handle: coreCronHandle };
}
