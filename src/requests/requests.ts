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
import { Flight } from './flight.js';
import { readOrder, requestQueue, type RequestOrder } from './order.js';
import { send } from './send.js';

/** Milliseconds between two looks, and after which a trouble is told again. */
const interval = 500;
const reminder = 60_000;

/** Milliseconds between two looks for leases that have ended; never more, however long they are. */
const longestLeaseInterval = 10_000;

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
  readonly rules: RequestRules;
}

/** How requests are made. */
export interface RequestRules {
  /** Under way at the same time, of all sites. */
  readonly max: number;
  /** Connections to one host at a time. */
  readonly perHost: number;
  /** Bytes of a body without a file. */
  readonly bodyMax: number;
  /** Milliseconds for which an item is claimed at a time. */
  readonly lease: number;
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
  readonly #dispatchers: Dispatchers;
  readonly #stop = new AbortController();
  readonly #flights = new Map<Flight, { readonly site: ServedSite; readonly end: Promise<void> }>();
  #leasesSeen = -Infinity;

  constructor(options: RequestsOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
    this.#dispatchers = new Dispatchers(options.rules.perHost);
  }

  protected override onStart(): void {
    this.#looks.start(interval);
  }

  protected override async onStop(): Promise<void> {
    this.#stop.abort();
    await this.#looks.stop();
    await Promise.all([...this.#flights.values()].map(({ end }) => end));
    await this.#dispatchers.close();
  }

  async #look(): Promise<void> {
    const { sites, taker, isDetached, rules } = this.#options;
    // Those under way go on meanwhile, and keep their items.
    const leases = performance.now() - this.#leasesSeen >= Math.min(longestLeaseInterval, rules.lease / 3);
    if (leases) this.#leasesSeen = performance.now();
    const closed = taker.closed || isDetached() || this.#stop.signal.aborted;
    await Promise.all(
      sites
        .filter(({ isOpen }) => isOpen)
        .map((site) =>
          this.#guard.run(site, async () => {
            if (leases) await this.#seeToLeases(site);
            if (!closed) await this.#take(site);
          }),
        ),
    );
  }

  /** Renews those of what is under way, and returns items whose daemon is gone. */
  async #seeToLeases(site: ServedSite): Promise<void> {
    const own = [...this.#flights].filter(([, one]) => one.site === site).map(([flight]) => flight);
    for (const flight of own) {
      await flight.renew(this.#leaseEnd());
    }
    const ids = own.map(({ id }) => id);
    await site.queue.endLeases([requestQueue], Math.floor(Date.now() / 1000), ids);
  }

  async #take(site: ServedSite): Promise<void> {
    const { rules, bus } = this.#options;
    const room = rules.max - this.#flights.size;
    if (room <= 0) return;
    for (const item of await site.queue.claimableItems(requestQueue, room)) {
      const order = readOrder(await site.queue.data(item.id));
      const expire = order ? this.#leaseEnd() : Math.floor(Date.now() / 1000) + unreadable;
      if (!(await site.queue.move(item, expire))) continue;
      if (!order) {
        const event = { site: site.name, queue: requestQueue, item: item.id, failures: 1, pauseMs: 0 };
        bus.emit('queue.item-set-aside', { ...event, reason: 'it cannot be read' });
        continue;
      }
      const flight = new Flight(site.queue, { ...item, expire });
      const end = this.#guard.run(site, () => this.#carry(site, flight, item, order));
      this.#flights.set(flight, { site, end });
      void end.then(() => this.#flights.delete(flight));
    }
  }

  /** Seconds since 1970 at which a lease ends that begins now. */
  #leaseEnd(): number {
    return Math.ceil((Date.now() + this.#options.rules.lease) / 1000);
  }

  async #carry(site: ServedSite, flight: Flight, item: QueueItemRow, order: RequestOrder): Promise<void> {
    const stop = AbortSignal.any([this.#stop.signal, flight.lost]);
    const sender = { dispatchers: this.#dispatchers, bodyMax: this.#options.rules.bodyMax };
    const answer = await send(order, sender, stop).catch(() => undefined);
    if (!(await flight.holds(this.#options.rules.lease / 3_000, this.#leaseEnd()))) return;
    if (answer && (await this.#tell(site, item, order, JSON.stringify(answer), stop))) {
      await flight.done();
    } else {
      // The next daemon makes it anew.
      await flight.giveBack();
    }
  }

  /** Starts the callback; false: this is stopped before there is a place for it. */
  async #tell(
    site: ServedSite,
    item: QueueItemRow,
    { uid, call }: RequestOrder,
    answer: string,
    stop: AbortSignal,
  ): Promise<boolean> {
    const { taker, hostsOf } = this.#options;
    const handle = `${requestQueue}:${item.id}:${item.created}`;
    const process = { handle, callback: deliver, serviceHost: hostsOf(site)[0] ?? '', uid };
    for (;;) {
      const started = await startOwn(taker, site, process, [answer, call]);
      // Another one has told it where there is one already.
      if (started === 'started' || started === 'there') return true;
      if (started === 'stopping' || stop.aborted) return false;
      await pause(1_000, undefined, { signal: stop }).catch(() => undefined);
    }
  }
}
