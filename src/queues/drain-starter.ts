import type { StartTaker } from '../intake/accept-start.js';
import { queueCallback } from '../process/own-callback.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, type OwnStart } from '../scheduler/start-own.js';
import { handleOf, type Drains } from './drains.js';
import type { PlannedQueue } from './queue-plan.js';

export interface DrainStarterOptions {
  readonly site: ServedSite;
  readonly taker: StartTaker<ServedSite>;
  /** Name of the service host whose processes this daemon runs; empty: none. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
}

/** Lets workers of the queues of one site begin. */
export class DrainStarter {
  readonly #options: DrainStarterOptions;
  readonly #drains: Drains;
  readonly #lease: number;

  /** @param lease milliseconds for which an item is claimed at a time */
  constructor(options: DrainStarterOptions, drains: Drains, lease: number) {
    this.#options = options;
    this.#drains = drains;
    this.#lease = lease;
  }

  /**
   * Begins one more under a handle that is free; undefined: all are taken here. Throws what the database throws.
   *
   * @returns `there`: the rows of all that are not taken here are somebody else's
   */
  async startFree(queue: PlannedQueue): Promise<OwnStart | undefined> {
    let started: OwnStart | undefined;
    for (let number = 1; number <= queue.limit; number += 1) {
      const handle = handleOf(queue.name, number);
      if (!this.#drains.has(handle)) {
        started = await this.start(queue, handle);
        if (started !== 'there') {
          return started;
        }
      }
    }
    return started;
  }

  /** Makes the row of a worker and sends it through the door of all starts. Throws what the database throws. */
  async start(queue: PlannedQueue, handle: string): Promise<OwnStart> {
    const { site, taker, hostsOf } = this.#options;
    this.#drains.add(queue.name, handle);
    try {
      const process = { handle, callback: queueCallback, serviceHost: hostsOf(site)[0] ?? '' };
      const options = { seconds: queue.seconds, lease: leaseSeconds(queue, this.#lease) };
      const started = await startOwn(taker, site, process, [queue.name, options]);
      if (started !== 'started') {
        this.#drains.remove(handle);
      }
      return started;
    } catch (error) {
      this.#drains.remove(handle);
      throw error;
    }
  }
}

/** Seconds; nobody here can renew a lease that is kept elsewhere. */
function leaseSeconds({ table }: PlannedQueue, leaseMs: number): number {
  return table ? Math.ceil(leaseMs / 1000) : Math.max(3_600, Math.ceil(leaseMs / 1000));
}
