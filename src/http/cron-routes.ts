import type { FastifyInstance } from 'fastify';

import type { CronJob } from '../cron/cron-job.js';
import type { NextRun } from '../cron/upcoming.js';
import { cronWish, nextWish } from './cron-answers.js';

/** What the command line can ask about jobs that run at set times. */
export interface CronPorts {
  jobs(): readonly CronJob[];
  /** What begins next, from an instant on (milliseconds since 1970). */
  next(from: number, count: number): readonly NextRun[];
  /** Starts a job now. @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED */
  run(wish: { readonly name: string; readonly site?: string | undefined }): Promise<{ site: string; handle: string }>;
}

/**
 * Adds the routes of `drupald cron`.
 *
 * @param siteName main address of the site that was named by one of its addresses. @throws DrupaldError SITE_UNKNOWN
 */
export function addCronRoutes(
  app: FastifyInstance,
  cron: CronPorts,
  siteName: (given: string | undefined) => string | undefined,
): void {
  app.get('/v1/cron', () => ({ jobs: cron.jobs() }));
  app.get('/v1/cron/next', (request) => {
    const { at, count } = nextWish.parse(request.query);
    return { runs: cron.next(at === undefined ? Date.now() : Date.parse(at), count) };
  });
  app.post<{ Body: unknown }>('/v1/cron/run', (request) => {
    const { name, site } = cronWish.parse(request.body);
    return cron.run({ name, site: siteName(site) });
  });
}
