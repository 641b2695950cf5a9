import type { FastifyInstance } from 'fastify';

import type { CronJob } from '../cron/cron-job.js';
import { cronWish } from './cron-answers.js';

/** What the command line can ask about jobs that run at set times. */
export interface CronPorts {
  jobs(): readonly CronJob[];
  /** Starts a job now. @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED */
  run(wish: { readonly name: string; readonly site?: string | undefined }): Promise<{ site: string; handle: string }>;
}

/** Adds the routes of `drupald cron`. */
export function addCronRoutes(app: FastifyInstance, cron: CronPorts): void {
  app.get('/v1/cron', () => ({ jobs: cron.jobs() }));
  app.post<{ Body: unknown }>('/v1/cron/run', (request) => cron.run(cronWish.parse(request.body)));
}
