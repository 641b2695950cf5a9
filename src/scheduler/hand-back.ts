import { setTimeout as pause } from 'node:timers/promises';

import { request } from 'undici';

import type { EventBus } from '../events/bus.js';
import { handBackHeader } from '../intake/accept-start.js';
import { publicStartPath } from '../sites/request.js';
import { isOwnCallback } from '../process/own-callback.js';
import type { Dispatch } from './dispatch.js';

/** Milliseconds that the site gets to begin a start. */
const claimTimeout = 15_000;

/** Milliseconds between two looks whether it has begun. */
const lookInterval = 50;

/** Starts that are handed back at a time: each holds a worker of the web server. */
const width = 4;

/** Failures in a row after which the rest is left waiting: the site does not answer. */
const patience = 3;

/** What came of handing back. */
export interface HandBackResult {
  /** Starts that the site has begun. */
  readonly handedBack: number;
  /** Rows that had moved on meanwhile. */
  readonly gone: number;
  /** Starts that wait as before, because the site did not take them. */
  readonly left: number;
  /** Why, if some were left. */
  readonly reason?: string | undefined;
}

/** One start, given back to the site: begun, no longer there, or why not. */
type OneResult = 'begun' | 'gone' | { readonly reason: string; readonly dispatch: Dispatch };

/**
 * Gives waiting starts back to the site's own way: each row goes back to status 1
 * under a new stamp and is dispatched to the site's own address, as the module
 * would have done. One that the site does not begin waits on as it was.
 */
export class HandBack {
  /** Whether everything is left to the sites again. */
  isBegun = false;
  /** Address to send to instead of the site's own, such as http://127.0.0.1:80. */
  to: string | undefined;
  readonly #bus: EventBus;

  constructor(bus: EventBus) {
    this.#bus = bus;
  }

  /**
   * Hands back all of them, a few at a time, in their order.
   *
   * @param keep gets each start that the site did not begin
   */
  async all(dispatches: readonly Dispatch[], keep: (dispatch: Dispatch) => void): Promise<HandBackResult> {
    this.isBegun = true;
    const queue = [...dispatches];
    const counts = { handedBack: 0, gone: 0, left: 0 };
    let failures = 0;
    let reason: string | undefined;
    const lane = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        if (failures >= patience) {
          counts.left += 1;
          keep(next);
          continue;
        }
        const result = await this.one(next);
        if (result === 'begun') {
          counts.handedBack += 1;
          failures = 0;
        } else if (result === 'gone') {
          counts.gone += 1;
        } else {
          counts.left += 1;
          failures += 1;
          reason = result.reason;
          keep(result.dispatch);
        }
      }
    };
    await Promise.all(Array.from({ length: width }, lane));
    return { ...counts, reason };
  }

  /** Hands back one start. */
  async one(dispatch: Dispatch): Promise<OneResult> {
    const { site, handle, callback } = dispatch;
    const about = { site: site.name, handle, callback };
    let result: OneResult;
    let stamp: string | undefined;
    try {
      if (isOwnCallback(callback)) {
        // The site does not know it; what it stands for, the site does in its own way.
        await site.store.remove(handle, dispatch.stamp);
        return 'gone';
      }
      stamp = await site.store.release(handle, dispatch.stamp);
      if (stamp === undefined) {
        return 'gone';
      }
      const failure = await this.#send(dispatch, stamp);
      if (failure) {
        await site.store.markWaiting(handle, stamp);
      }
      result = failure ? { ...failure, dispatch: { ...dispatch, stamp } } : 'begun';
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      result = { reason, dispatch: { ...dispatch, stamp: stamp ?? dispatch.stamp } };
    }
    this.#bus.emit('run.handed-back', { ...about, result: typeof result === 'object' ? result.reason : result });
    return result;
  }

  async #send(dispatch: Dispatch, stamp: string): Promise<undefined | { reason: string }> {
    const cancel = new AbortController();
    const answer = this.#post(dispatch, cancel.signal);
    const claimed = this.#claimed(dispatch, stamp, cancel.signal);
    try {
      // The answer comes when the run is over; that it has begun shows in the row.
      const first = await Promise.race([claimed, answer]);
      // Whatever was answered, the row decides: PHP that runs as an error document of
      // Apache answers with the error's own status.
      const still = await this.#stillThere(dispatch, stamp);
      return still && (first ?? still);
    } finally {
      cancel.abort();
    }
  }

  /** Undefined: the site has answered well. */
  async #post(dispatch: Dispatch, signal: AbortSignal): Promise<undefined | { reason: string }> {
    const { uri, context, handle, token, site } = dispatch;
    const path = `${publicStartPath(context.prefix, handle)}/${token}`;
    const base = this.to === undefined ? uri.url : `${this.to.replace(/\/+$/, '')}${uri.basePath}`;
    const address = site.facts?.cleanUrls === false ? `${base}/?q=${path}` : `${base}/${path}`;
    try {
      const response = await request(address, {
        method: 'POST',
        signal,
        headersTimeout: 0,
        bodyTimeout: 0,
        headers: { ...context.headers, host: uri.host, connection: 'close', [handBackHeader]: '1' },
      });
      await response.body.dump();
      return response.statusCode < 300 ? undefined : { reason: `the site answered ${response.statusCode}` };
    } catch (error) {
      if (signal.aborted) {
        return undefined;
      }
      return { reason: `${base} does not answer: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  async #claimed(dispatch: Dispatch, stamp: string, signal: AbortSignal): Promise<undefined | { reason: string }> {
    const until = performance.now() + claimTimeout;
    while (!signal.aborted && performance.now() < until) {
      await pause(lookInterval);
      if (!(await dispatch.site.store.get(dispatch.handle, stamp))) {
        return undefined;
      }
    }
    return { reason: `the site did not begin it within ${claimTimeout / 1000} s` };
  }

  async #stillThere(dispatch: Dispatch, stamp: string): Promise<undefined | { reason: string }> {
    const still = await dispatch.site.store.get(dispatch.handle, stamp);
    return still ? { reason: 'the site answered, but did not begin it' } : undefined;
  }
}
