import { matches } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

/** How many processes of a kind may run at the same time. */
export interface LaneLimits {
  /** By name of the service host. */
  readonly hosts: Readonly<Record<string, number>>;
  /** By pattern of the callback; the first that matches counts. */
  readonly callbacks: Readonly<Record<string, number>>;
}

/**
 * Starts that the same limits hold back stand in one lane, so that a full lane
 * never blocks those behind it that may run.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  readonly #running = new Map<string, number>();
  readonly #patterns = new Map<string, string | undefined>();

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Name of the lane of a start: the limits that it counts against. */
  laneOf(dispatch: Pick<Dispatch, 'serviceHost' | 'callback'>): string {
    return JSON.stringify(this.#keys(dispatch));
  }

  /** Whether one more start of this lane may run now. */
  hasRoom(lane: string): boolean {
    return keysOf(lane).every((key) => (this.#running.get(key) ?? 0) < this.#limitOf(key));
  }

  /** Counts a start that begins to run. */
  enter(dispatch: Pick<Dispatch, 'serviceHost' | 'callback'>): void {
    for (const key of this.#keys(dispatch)) {
      this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    }
  }

  /** Counts a start that has ended. */
  leave(dispatch: Pick<Dispatch, 'serviceHost' | 'callback'>): void {
    for (const key of this.#keys(dispatch)) {
      this.#running.set(key, Math.max(0, (this.#running.get(key) ?? 0) - 1));
    }
  }

  #keys({ serviceHost, callback }: Pick<Dispatch, 'serviceHost' | 'callback'>): string[] {
    const keys = Object.hasOwn(this.#limits.hosts, serviceHost) ? [`host ${serviceHost}`] : [];
    const pattern = this.#patternOf(callback);
    return pattern === undefined ? keys : [...keys, `callback ${pattern}`];
  }

  #patternOf(callback: string): string | undefined {
    if (!this.#patterns.has(callback)) {
      // Names of callbacks are few, but nothing of a site may make a map grow for ever.
      if (this.#patterns.size > 10_000) {
        this.#patterns.clear();
      }
      this.#patterns.set(
        callback,
        Object.keys(this.#limits.callbacks).find((pattern) => matches(pattern, callback)),
      );
    }
    return this.#patterns.get(callback);
  }

  #limitOf(key: string): number {
    const name = key.slice(key.indexOf(' ') + 1);
    const limits = key.startsWith('host ') ? this.#limits.hosts : this.#limits.callbacks;
    return limits[name] ?? Number.POSITIVE_INFINITY;
  }
}

function keysOf(lane: string): string[] {
  return JSON.parse(lane) as string[];
}
