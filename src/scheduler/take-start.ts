import { randomUUID } from 'node:crypto';

import type { AcceptedStart, StartTaker } from '../intake/accept-start.js';
import type { Offer, Scheduler } from './scheduler.js';
import type { ServedSite } from './served-site.js';

/** Makes an accepted start a run that waits for its slot. */
export class TakeStart implements StartTaker<ServedSite> {
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get waiting(): number {
    return this.#scheduler.waiting;
  }

  async offer(start: AcceptedStart<ServedSite>): Promise<Offer> {
    const { row, context, uri, target } = start;
    return this.#scheduler.offer({
      id: randomUUID(),
      site: target,
      uri,
      handle: row.handle,
      token: row.token,
      stamp: row.stamp,
      callback: row.callback,
      context,
      acceptedAt: Date.now(),
      attempts: 0,
    });
  }
}
