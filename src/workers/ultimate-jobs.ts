import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
import { ultimateJobsJob } from './jobs.js';
import { ultimateMessage, type JobToClose, type UltimateJobs, type UltimateJobsJob } from './protocol.js';

/**
 * The jobs of a site with Ultimate Cron, as they are now.
 *
 * @throws Error with the reason when they cannot be had
 */
export async function readUltimateJobs(at: ErrandPlace): Promise<UltimateJobs> {
  const { jobs } = await ask(at, {});
  if (!jobs) throw new Error('its worker ended without having told the jobs');
  return jobs;
}

/**
 * Frees the lock of a job whose worker is gone and closes its log, with the cause.
 *
 * @throws Error with the reason when it could not be done
 */
export async function closeUltimateJob(at: ErrandPlace, close: JobToClose): Promise<void> {
  await ask(at, { close });
}

/** Has a job launched in its launcher's own way. @throws Error with the reason when that could not be done */
export async function launchUltimateJob(at: ErrandPlace, launch: string): Promise<void> {
  await ask(at, { launch });
}

async function ask(at: ErrandPlace, wish: Pick<UltimateJobsJob, 'close' | 'launch'>): Promise<{ jobs?: UltimateJobs }> {
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
