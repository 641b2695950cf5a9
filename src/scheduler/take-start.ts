import { randomUUID } from 'node:crypto';

import type { AcceptedStart, StartTaker } from '../intake/accept-start.js';
import type { Offer, Scheduler } from './scheduler.js';
import type { ServedSite } from './served-site.js';

/** Makes an accepted start a run that waits for its slot. */
export class TakeStart implements StartTaker<ServedSite> {
  readonly #scheduler: Scheduler;

  #arrivals = 0;
  readonly #onTaken: (start: AcceptedStart<ServedSite>) => void;

  /** @param onTaken told of every start that was taken */
  constructor(scheduler: Scheduler, onTaken: (start: AcceptedStart<ServedSite>) => void) {
    this.#scheduler = scheduler;
    this.#onTaken = onTaken;
  }

  get waiting(): number {
    return this.#scheduler.waiting;
  }

  async offer(start: AcceptedStart<ServedSite>): Promise<Offer> {
    const { row, context, uri, target } = start;
    const offer = await this.#scheduler.offer({
      id: randomUUID(),
      site: target,
      uri,
      handle: row.handle,
      token: row.token,
      stamp: row.stamp,
      callback: row.callback,
      context,
      acceptedAt: Date.now(),
      order: this.#arrivals++,
      attempts: 0,
    });
    if (offer === 'taken') {
      this.#onTaken(start);
    }
    return offer;
  }
}
