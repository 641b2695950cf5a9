import { randomUUID } from 'node:crypto';

import type { AcceptedStart, StartTaker } from '../intake/accept-start.js';
import type { Dispatch } from './dispatch.js';
import type { HandBack } from './hand-back.js';
import type { Offer, Scheduler } from './scheduler.js';
import type { ServedSite } from './served-site.js';

/** Makes an accepted start a run that waits for its slot. */
export class TakeStart implements StartTaker<ServedSite> {
  readonly #scheduler: Scheduler;

  readonly #handBack: HandBack;
  #arrivals = 0;
  readonly #onTaken: (start: AcceptedStart<ServedSite>) => void;

  /** @param onTaken told of every start that was taken */
  constructor(scheduler: Scheduler, handBack: HandBack, onTaken: (start: AcceptedStart<ServedSite>) => void) {
    this.#scheduler = scheduler;
    this.#handBack = handBack;
    this.#onTaken = onTaken;
  }

  get closed(): boolean {
    return this.#scheduler.closed;
  }

  get waiting(): number {
    return this.#scheduler.waiting;
  }

  knows(row: Pick<Dispatch, 'handle' | 'stamp'>): boolean {
    return this.#scheduler.knows(row);
  }

  /** The record that a start becomes here. */
  dispatchOf(start: AcceptedStart<ServedSite>): Dispatch {
    return dispatchOf(start, this.#arrivals++);
  }

  async offer(start: AcceptedStart<ServedSite>): Promise<Exclude<Offer, 'detached'>> {
    const dispatch = this.dispatchOf(start);
    const offer = await this.#scheduler.offer(dispatch);
    if (offer === 'detached') {
      // It came in while the site was being pointed elsewhere: back to the site at once.
      void this.#return(dispatch);
      return 'taken';
    }
    if (offer === 'taken') {
      this.#onTaken(start);
    }
    return offer;
  }

  async #return(dispatch: Dispatch): Promise<void> {
    const result = await this.#handBack.one(dispatch);
    if (typeof result === 'object') {
      this.#scheduler.keep(result.dispatch);
    }
  }
}

/**
 * The record that an accepted start becomes.
 *
 * @param order counts up with every start that is taken
 */
export function dispatchOf(start: AcceptedStart<ServedSite>, order: number): Dispatch {
  const { row, context, uri, target, arrivedAt } = start;
  return {
    id: randomUUID(),
    site: target,
    uri,
    handle: row.handle,
    token: row.token,
    stamp: row.stamp,
    callback: row.callback,
    uid: row.uid,
    serviceHost: row.serviceHost,
    context,
    asked: start.asked,
    acceptedAt: Date.now(),
    arrivedAt,
    order,
    attempts: 0,
    hindered: 0,
    doubt: undefined,
    tries: 0,
  };
}
