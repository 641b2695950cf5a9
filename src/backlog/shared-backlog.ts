import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import { isOwnProcess, needsSlot } from '../process/own-callback.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { Sharing } from '../scheduler/sharing.js';
import { databaseReason } from '../store/database.js';
import { Deferred } from '../support/deferred.js';
import { Deliveries, type DeliveryTools } from './deliveries.js';
import type { PoolRules } from './pool-rules.js';
import { RedisAway, type RedisLink } from './redis-link.js';
import type { RedisParts } from './redis-parts.js';
import { lockTime, type SharedLine } from './shared-line.js';
import { SiteLines } from './site-lines.js';

/** Milliseconds between two looks at how much waits, and at sites that are not open yet. */
const lookInterval = 1_000;

/** Milliseconds of rest for the lines of a site after something failed. */
const rest = 1_000;

/** Milliseconds that giving back and closing may take when the daemon stops. */
const stopTime = 2_000;

/** How a shared backlog is. */
export interface SharedStatus {
  /** Of Redis, without user and password. */
  readonly address: string;
  readonly state: 'shared' | 'away';
  /** Those whose backlog is shared. */
  readonly sites: readonly {
    readonly site: string;
    /** Starts of all daemons, as far as it was told lately. */
    readonly waiting: number;
    /** Starts from there that some daemon has in hand. */
    readonly active: number;
    /** Of those that wait, what was sent to the service hosts of this daemon. */
    readonly own: number;
  }[];
}

export interface SharedBacklogOptions extends DeliveryTools {
  readonly sites: readonly ServedSite[];
  readonly link: RedisLink;
  readonly parts: RedisParts;
  readonly rules: PoolRules;
  readonly priorityOf: (dispatch: Dispatch) => number;
  readonly scheduler: Pick<
    Scheduler,
    'offer' | 'free' | 'hasRoom' | 'reshare' | 'giveBack' | 'closed' | 'end' | 'allWaiting'
  >;
  readonly bus: EventBus;
  /** Whether everything is left to the sites. */
  readonly isDetached: () => boolean;
}

/**
 * A backlog that the daemons of a site share on Redis: what has to wait at one of them runs on whichever has a
 * slot for it. BullMQ delivers, the row decides.
 *
 * A daemon takes a start in hand only when it has a slot for it, and says every few seconds that it still has
 * it, until its run is over: so limits of the whole pool count, and what a daemon leaves is delivered again.
 */
export class SharedBacklog extends BaseComponent implements Sharing {
  readonly name = 'shared-backlog';
  readonly #options: SharedBacklogOptions;
  readonly #deliveries: Deliveries;
  readonly #lines = new Map<ServedSite, SiteLines>();
  readonly #looks = new Repeated(() => this.#look());
  readonly #keeps = new Repeated(() => this.#keep());
  readonly #readers: Promise<void>[] = [];
  #freed = new Deferred();
  #closing = false;

  constructor(options: SharedBacklogOptions) {
    super();
    this.#options = options;
    this.#deliveries = new Deliveries(options);
  }

  get waiting(): number {
    return this.#options.link.isUp ? this.open.reduce((sum, lines) => sum + lines.waiting, 0) : 0;
  }

  /** The sites whose backlog is shared now. */
  get open(): readonly SiteLines[] {
    return [...this.#lines.values()];
  }

  /** How it is, for people. */
  get status(): SharedStatus {
    const { link } = this.#options;
    return {
      address: link.shownAddress,
      state: link.isUp ? 'shared' : 'away',
      sites: this.open.map(({ site, waiting, active, handed }) => ({
        site: site.name,
        waiting,
        active,
        own: handed.length,
      })),
    };
  }

  /** The lines of a site; undefined: its backlog is not shared now. */
  linesOf(site: ServedSite): SiteLines | undefined {
    return this.#options.link.isUp && !this.#closing ? this.#lines.get(site) : undefined;
  }

  mayBegin(dispatch: Dispatch): boolean {
    if (!this.wants(dispatch)) {
      return true;
    }
    const line = this.linesOf(dispatch.site)?.lineOf(dispatch);
    return line === undefined || (!hasPoolLimit(line) && line.waiting === 0);
  }

  wants(dispatch: Dispatch): boolean {
    return (
      this.linesOf(dispatch.site)?.lineOf(dispatch) !== undefined &&
      this.isFor(dispatch) &&
      !this.#deliveries.has(dispatch) &&
      !this.#options.isDetached() &&
      !this.#options.scheduler.closed
    );
  }

  /**
   * Whether a start may wait where others can take it. One whose service host has a limit here may not: who
   * takes it would take the limit from it, or hold it while others could run.
   */
  isFor(start: Pick<Dispatch, 'handle' | 'callback' | 'serviceHost'>): boolean {
    return needsSlot(start.callback) && !isOwnProcess(start) && !this.#options.isLimited(start.serviceHost);
  }

  async take(dispatches: readonly Dispatch[]): Promise<readonly Dispatch[]> {
    const left: Dispatch[] = [];
    for (const site of new Set(dispatches.map((dispatch) => dispatch.site))) {
      const of = dispatches.filter((dispatch) => dispatch.site === site);
      const taken = await this.#put(site, of);
      if (!taken) {
        left.push(...of);
        continue;
      }
      for (const { handle, callback } of of.length === 1 ? of : []) {
        this.#options.bus.emit('start.shared', { site: site.name, handle, callback });
      }
      if (of.length > 1) {
        this.#options.bus.emit('backlog.handed-over', { site: site.name, count: of.length });
      }
    }
    return left;
  }

  brought(dispatch: Dispatch): boolean {
    return this.#deliveries.has(dispatch);
  }

  begins(dispatch: Dispatch): void {
    this.#deliveries.begins(dispatch);
  }

  leaves(dispatch: Dispatch): void {
    this.#deliveries.leaves(dispatch);
  }

  returns(dispatch: Dispatch): boolean {
    return this.#deliveries.returns(dispatch);
  }

  slotFreed(): void {
    this.#freed.resolve();
    this.#freed = new Deferred();
  }

  /** Takes nothing any more, and leaves what has not begun here to the others. Never throws. */
  windUp(): void {
    this.#closing = true;
    this.slotFreed();
    for (const dispatch of this.#deliveries.waiting()) {
      this.#options.scheduler.giveBack(dispatch);
    }
  }

  protected override async onStart(): Promise<void> {
    const { link, scheduler } = this.#options;
    link.onChange = (isUp) => {
      if (isUp)
        this.#openAll().then(
          () => scheduler.reshare(),
          (error: unknown) => this.#tell(undefined, error),
        );
    };
    await link.start();
    await this.#openAll();
    this.#looks.start(lookInterval);
    this.#keeps.start(lockTime / 3);
  }

  protected override async onStop(): Promise<void> {
    this.windUp();
    await Promise.all([this.#looks.stop(), this.#keeps.stop()]);
    const late = new Promise<void>((resolve) => setTimeout(resolve, stopTime).unref());
    await Promise.race([late, Promise.all(this.#readers)]);
    await Promise.race([late, Promise.all(this.open.map((lines) => lines.close()))]);
    await this.#options.link.stop();
  }

  async #put(site: ServedSite, dispatches: readonly Dispatch[]): Promise<boolean> {
    try {
      await this.linesOf(site)?.put(dispatches);
      return this.linesOf(site) !== undefined;
    } catch (error) {
      this.#tell(site, error);
      return false;
    }
  }

  async #openAll(): Promise<void> {
    for (const site of this.#options.sites) {
      if (!this.#lines.has(site)) await this.#open(site);
    }
  }

  async #open(site: ServedSite): Promise<void> {
    const { link, parts, rules, priorityOf } = this.#options;
    if (!link.isUp || this.#closing || !site.facts || (await site.lookAtInstallation()) === 'copied') {
      return;
    }
    try {
      const lines = await SiteLines.open(site, rules, priorityOf, link, parts);
      if (this.#lines.has(site)) {
        await lines.close();
        return;
      }
      this.#lines.set(site, lines);
      await Promise.all(lines.all.map((line) => line.count()));
      this.#readers.push(...lines.all.map((line) => this.#read(lines, line)));
    } catch (error) {
      this.#tell(site, error);
    }
  }

  /** Takes starts from a line as long as there are slots for them. */
  async #read(lines: SiteLines, line: SharedLine): Promise<void> {
    while (!this.#closing) {
      const { promise: freed } = this.#freed;
      try {
        if (!this.#mayFetch(lines.site, line)) {
          await within(freed, lookInterval);
          continue;
        }
        const delivery = await line.fetch();
        if (delivery) {
          void this.#deliveries.take(lines, delivery);
        } else {
          await Promise.race([freed, line.knocked()]);
        }
      } catch (error) {
        this.#tell(lines.site, error);
        await within(freed, rest);
      }
    }
  }

  #mayFetch(site: ServedSite, { rule }: SharedLine): boolean {
    const { scheduler, link, isDetached, hostsOf } = this.#options;
    return (
      link.isUp &&
      site.isOpen &&
      !isDetached() &&
      !this.#deliveries.pauses(site) &&
      scheduler.free > this.#deliveries.claims &&
      hostsOf(site).some((host) => scheduler.hasRoom(host, rule.slots))
    );
  }

  async #look(): Promise<void> {
    if (!this.#options.link.isUp || this.#closing) {
      return;
    }
    await this.#openAll();
    try {
      await Promise.all(this.open.flatMap((lines) => lines.all.map((line) => line.count())));
      await this.#deliveries.look();
    } catch (error) {
      this.#tell(undefined, error);
    }
  }

  async #keep(): Promise<void> {
    const deliveries = this.#deliveries.all;
    for (const line of new Set(deliveries.map((delivery) => delivery.line))) {
      // Whoever is not told keeps them for a while yet.
      await line.keep(deliveries.filter((delivery) => delivery.line === line)).catch(() => undefined);
    }
  }

  /** That Redis is away is told by the link. */
  #tell(site: ServedSite | undefined, error: unknown): void {
    if (!(error instanceof RedisAway)) {
      const about = site === undefined ? {} : { site: site.name };
      this.#options.bus.emit('backlog.error', { ...about, reason: databaseReason(error) });
    }
  }
}

function hasPoolLimit({ rule }: SharedLine): boolean {
  return rule.poolSlots !== undefined || rule.rate !== undefined;
}

/** Waits for something, but not for long. */
async function within(work: Promise<unknown>, time: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, time)))]);
  clearTimeout(timer);
}
