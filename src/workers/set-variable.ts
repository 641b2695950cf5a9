import { rm } from 'node:fs/promises';

import type { EventBus } from '../events/bus.js';
import type { SiteUri } from '../sites/site-uri.js';
import { bootReason } from './describe-site.js';
import { logFile, setJob, type JobPlace } from './jobs.js';
import { setMessage } from './protocol.js';
import { talk } from './talk.js';
import type { WorkerSource } from './worker.js';

let serial = 0;

/**
 * Sets a variable of a site through its own function, which knows where it is cached.
 *
 * @param timeout milliseconds after which the worker is killed
 * @throws Error with the reason when it could not be set
 */
export async function setVariable(
  source: WorkerSource,
  place: JobPlace,
  uri: SiteUri,
  bus: EventBus,
  timeout: number,
  variable: { readonly name: string; readonly value: string | number },
): Promise<void> {
  serial += 1;
  const id = `set-${process.pid}-${serial}`;
  const worker = await source.worker(id);
  const timer = setTimeout(() => worker.kill('SIGKILL'), timeout);
  const found: { trouble?: string } = { trouble: `its worker ended without having set ${variable.name}` };
  await talk(worker, setJob(place, uri, id, variable.name, variable.value), setMessage, bus, (message) => {
    if (message.type === 'set') delete found.trouble;
    else if (message.type === 'boot-failed') found.trouble = bootReason(message);
  });
  clearTimeout(timer);
  await rm(logFile(place, id), { force: true });
  if (found.trouble !== undefined) {
    throw new Error(found.trouble);
  }
}
