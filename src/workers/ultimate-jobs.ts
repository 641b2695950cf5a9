import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
import { ultimateJobsJob, type UltimateWish } from './jobs.js';
import { ultimateMessage, type JobToClose, type UltimateJobs } from './protocol.js';

/**
 * The jobs of a site with Ultimate Cron, as they are now.
 *
 * @param queues names of queues that are worked off without its jobs; needed for 1.x
 * @throws Error with the reason when they cannot be had
 */
export async function readUltimateJobs(
  at: ErrandPlace,
  version: 1 | 2,
  queues: readonly string[] = [],
): Promise<UltimateJobs> {
  const { jobs } = await ask(at, { version, queues });
  if (!jobs) throw new Error('its worker ended without having told the jobs');
  return jobs;
}

/**
 * Frees the lock of a job of 2.x whose worker is gone and closes its log, with the cause.
 *
 * @throws Error with the reason when it could not be done
 */
export async function closeUltimateJob(at: ErrandPlace, close: JobToClose): Promise<void> {
  await ask(at, { version: 2, close });
}

/** Has a job launched in the module's own way. @throws Error with the reason when that could not be done */
export async function launchUltimateJob(at: ErrandPlace, version: 1 | 2, launch: string): Promise<void> {
  await ask(at, { version, launch });
}

async function ask(at: ErrandPlace, wish: UltimateWish): Promise<{ jobs?: UltimateJobs }> {
  const found: { jobs?: UltimateJobs; done?: true; trouble?: string } = {};
  const { late } = await runErrand(
    at,
    'jobs',
    (id) => ultimateJobsJob(at.place, at.uri, id, wish),
    ultimateMessage,
    (message) => {
      if (message.type === 'jobs') found.jobs = message;
      else if (message.type === 'done-so') found.done = true;
      else if (message.type === 'boot-failed') found.trouble = bootReason(message);
    },
  );
  if (found.trouble !== undefined) throw new Error(found.trouble);
  if (!found.jobs && !found.done) {
    throw new Error(late ? `it took longer than ${at.timeout / 1000} s` : 'its worker ended before it was done');
  }
  return found;
}
