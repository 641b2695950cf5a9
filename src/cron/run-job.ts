import { fail } from '../errors.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { coreCronHandle, type CoreCron } from './core-cron.js';
import type { OwnSchedule } from './own-schedule.js';
import type { UltimateCron } from './ultimate-cron.js';
import { findJob } from './find-job.js';

/**
 * Runs a job now, whatever its time is.
 *
 * @returns its site, and the handle under which it runs
 * @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED
 */
export async function runJob(
  { core, ultimate, own }: { core: CoreCron; ultimate: UltimateCron; own: OwnSchedule },
  sites: readonly ServedSite[],
  wish: { readonly name: string; readonly site?: string | undefined },
): Promise<{ site: string; handle: string }> {
  const entries = own.jobs().filter(({ name }) => name === wish.name);
  // An entry of our own hides a job of the site that has its name.
  const job = findJob(entries.length > 0 ? entries : [...core.jobs(), ...ultimate.jobs()], wish);
  const site = sites.find(({ name }) => name === job.site);
  const refuse = (reason: string): Error => fail('CRON_JOB_NOT_STARTED', { name: job.name, site: job.site, reason });
  if (!site) throw refuse('its site is not served any more');
  const entry = entries.includes(job) ? own.find(job) : undefined;
  if (entry) {
    const started = await entry.run();
    if ('reason' in started) throw refuse(started.reason);
    return { site: job.site, handle: started.handle };
  }
  if (core.jobs().some((one) => one.site === job.site)) {
    const reason = await core.run(site);
    if (reason !== undefined) throw refuse(reason);
    return { site: job.site, handle: coreCronHandle };
  }
  const started = await ultimate.run(site, job.name);
  if ('reason' in started) throw refuse(started.reason);
  return { site: job.site, handle: started.handle };
}
