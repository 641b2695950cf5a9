import { rm } from 'node:fs/promises';

import type { z } from 'zod';

import type { EventBus } from '../events/bus.js';
import type { SiteUri } from '../sites/site-uri.js';
import { logFile, type JobPlace } from './jobs.js';
import type { Job } from './protocol.js';
import { talk } from './talk.js';
import type { WorkerExit, WorkerSource } from './worker.js';

/** Where something is done on behalf of the daemon. */
export interface ErrandPlace {
  readonly source: WorkerSource;
  readonly place: JobPlace;
  readonly uri: SiteUri;
  readonly bus: EventBus;
  /** Milliseconds after which the worker is killed. */
  readonly timeout: number;
}

let serial = 0;

/**
 * Sends one job to a worker of its own, which leaves nothing behind.
 *
 * @param kind a word that names the worker, with a number behind it
 * @returns how the worker ended, and whether its time was up
 * @throws DrupaldError when PHP itself cannot be started
 */
export async function runErrand<M>(
  at: ErrandPlace,
  kind: string,
  job: (id: string) => Job,
  schema: z.ZodType<M>,
  onMessage: (message: M) => void,
): Promise<{ readonly exit: WorkerExit; readonly late: boolean }> {
  serial += 1;
  const id = `${kind}-${process.pid}-${serial}`;
  const worker = await at.source.worker(id);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    worker.kill('SIGKILL');
  }, at.timeout);
  const exit = await talk(worker, job(id), schema, at.bus, onMessage);
  clearTimeout(timer);
  await rm(logFile(at.place, id), { force: true });
  return { exit, late };
}
