import { setTimeout as pause } from 'node:timers/promises';

import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import type { StartTaker } from '../intake/accept-start.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn } from '../scheduler/start-own.js';
import type { QueueItemRow } from '../store/queue-table.js';
import { StoreGuard } from '../store/store-guard.js';
import { Dispatchers } from './dispatchers.js';
import { longest, readOrder, requestQueue, type RequestOrder } from './order.js';
import { send } from './send.js';

/** Milliseconds between two looks, between two looks for leases that have ended, and after which a trouble is told again. */
const interval = 500;
const leaseInterval = 10_000;
const reminder = 60_000;

/** Requests under way at the same time, of all sites. */
const limit = 100;

/** Seconds that an item is left alone which nobody can read: a year. */
const unreadable = 31_536_000;

/** Of Drupal's module: hands an answer to the callback of its request. */
const deliver = 'drupald_http_deliver';

export interface RequestsOptions {
  readonly sites: readonly ServedSite[];
  readonly taker: StartTaker<ServedSite>;
  readonly bus: EventBus;
  readonly isDetached: () => boolean;
  /** Names of the service hosts whose processes this daemon runs. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
}

/**
 * Requests that sites have handed over by the queue `drupald_http`: no PHP process waits for them. When an
 * answer is there, its callback is started as a process.
 */
export class Requests extends BaseComponent {
  readonly name = 'requests';
  readonly #options: RequestsOptions;
  readonly #looks = new Repeated(() => this.#look());
  readonly #guard: StoreGuard;
  readonly #dispatchers = new Dispatchers();
  readonly #stop = new AbortController();
  readonly #flights = new Map<Promise<void>, { readonly site: ServedSite; readonly item: number }>();
  #leasesSeen = -Infinity;

  constructor(options: RequestsOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
  }

  protected override onStart(): void {
    this.#looks.start(interval);
  }

  protected override async onStop(): Promise<void> {
    this.#stop.abort();
    await this.#looks.stop();
    await Promise.all(this.#flights.keys());
    await this.#dispatchers.close();
  }

  async #look(): Promise<void> {
    const { sites, taker, isDetached } = this.#options;
    if (taker.closed || isDetached() || this.#stop.signal.aborted) return;
    const leases = performance.now() - this.#leasesSeen >= leaseInterval;
    if (leases) this.#leasesSeen = performance.now();
    await Promise.all(
      sites.filter(({ isOpen }) => isOpen).map((site) => this.#guard.run(site, () => this.#take(site, leases))),
    );
  }

  async #take(site: ServedSite, leases: boolean): Promise<void> {
    if (leases) {
      const own = [...this.#flights.values()].filter((one) => one.site === site).map(({ item }) => item);
      await site.queue.endLeases([requestQueue], Math.floor(Date.now() / 1000), own);
    }
    const room = limit - this.#flights.size;
    if (room <= 0) return;
    for (const item of await site.queue.claimableItems(requestQueue, room)) {
      const order = readOrder(await site.queue.data(item.id));
      const expire = Math.floor(Date.now() / 1000) + (order ? Math.ceil(longest(order)) + 60 : unreadable);
      if (!(await site.queue.move(item, expire))) continue;
      if (!order) {
        const event = { site: site.name, queue: requestQueue, item: item.id, failures: 1, pauseMs: 0 };
        this.#options.bus.emit('queue.item-set-aside', { ...event, reason: 'it cannot be read' });
        continue;
      }
      const flight = this.#guard.run(site, () => this.#carry(site, { ...item, expire }, order));
      this.#flights.set(flight, { site, item: item.id });
      void flight.then(() => this.#flights.delete(flight));
    }
  }

  async #carry(site: ServedSite, item: QueueItemRow, order: RequestOrder): Promise<void> {
    const answer = await send(order, this.#dispatchers, this.#stop.signal).catch(() => undefined);
    if (!answer || !(await this.#tell(site, item, order, JSON.stringify(answer)))) {
      // The next daemon makes it anew.
      await site.queue.move(item, 0);
      return;
    }
    await site.queue.remove(item);
  }

  /** Starts the callback; false: the daemon stops before there is a place for it. */
  async #tell(site: ServedSite, item: QueueItemRow, { uid, call }: RequestOrder, answer: string): Promise<boolean> {
    const { taker, hostsOf } = this.#options;
    const handle = `${requestQueue}:${item.id}:${item.created}`;
    const process = { handle, callback: deliver, serviceHost: hostsOf(site)[0] ?? '', uid };
    for (;;) {
      const started = await startOwn(taker, site, process, [answer, call]);
      // Another one has told it where there is one already.
      if (started === 'started' || started === 'there') return true;
      if (started === 'stopping' || this.#stop.signal.aborted) return false;
      await pause(1_000, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}
