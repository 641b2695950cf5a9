import { randomUUID } from 'node:crypto';

import type { EventBus } from '../events/bus.js';
import type { Dispatch } from './dispatch.js';

/** Longest time that a timer can wait for, in milliseconds; with a longer one it would not wait at all. */
const longest = 2 ** 31 - 1;

/** Runs that ended badly and begin again after a pause. Should this daemon end before, the next one finds their rows. */
export class RetryPause {
  readonly #bus: EventBus;
  readonly #onOver: (dispatch: Dispatch) => void;
  readonly #timers = new Map<Dispatch, NodeJS.Timeout>();

  /** @param onOver told when a pause is over */
  constructor(bus: EventBus, onOver: (dispatch: Dispatch) => void) {
    this.#bus = bus;
    this.#onOver = onOver;
  }

  /**
   * The next try of a run.
   *
   * @param stamp the one that its row has now
   */
  next(before: Dispatch, stamp: string): Dispatch {
    return {
      ...before,
      id: randomUUID(),
      stamp,
      tries: before.tries + 1,
      acceptedAt: Date.now(),
      arrivedAt: performance.now(),
      attempts: 0,
      hindered: 0,
      doubt: undefined,
    };
  }

  /** @param pause milliseconds */
  add(dispatch: Dispatch, pause: number): void {
    const { site, handle, callback, tries } = dispatch;
    this.#bus.emit('run.retried', { site: site.name, handle, callback, pauseMs: pause, tries });
    const timer = setTimeout(
      () => {
        this.#timers.delete(dispatch);
        this.#onOver(dispatch);
      },
      Math.min(pause, longest),
    );
    timer.unref();
    this.#timers.set(dispatch, timer);
  }

  has(dispatch: Dispatch): boolean {
    return this.#timers.has(dispatch);
  }

  all(): Dispatch[] {
    return [...this.#timers.keys()];
  }

  /** Takes one out; false: it is not here. */
  remove(dispatch: Dispatch): boolean {
    clearTimeout(this.#timers.get(dispatch));
    return this.#timers.delete(dispatch);
  }

  /** Empties it; what was in it. */
  clear(): Dispatch[] {
    const all = this.all();
    for (const dispatch of all) {
      this.remove(dispatch);
    }
    return all;
  }
}
