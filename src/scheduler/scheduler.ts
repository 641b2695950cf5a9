import { BaseComponent } from '../components/component.js';
import type { EventBus } from '../events/bus.js';
import type { LedgerEntry } from '../store/ledger.js';
import type { Outcome } from '../process/outcome.js';
import { isolations } from '../config/config.js';
import { needsSlot } from '../process/own-callback.js';
import { killGroup } from '../workers/worker.js';
import { Deferred } from '../support/deferred.js';
import { afterRun, keepWaiting, type Places } from './after-run.js';
import { dispatchKey, type Dispatch } from './dispatch.js';
import { InLine } from './in-line.js';
import { Lanes } from './lanes.js';
import { RunRecord } from './run-record.js';
import { dropWaiting, type RunEnd, type RunTools } from './end-run.js';
import { Resting, type Rest } from './resting.js';
import { resumeRun } from './resume-run.js';
import { runProcess } from './run-process.js';
import type { ServedSite } from './served-site.js';
import type { SchedulerOptions } from './scheduler-options.js';
import type { SetAside } from './set-aside.js';
import { SettleLater } from './settle-later.js';
import type { Sharing } from './sharing.js';
import { Slots } from './slots.js';
import { WaitingList } from './waiting-list.js';

/** What became of an offered start. */
export type Offer = 'taken' | 'known' | 'full' | 'stopping' | 'detached';

/** Waiting starts, slots, and who runs next. */
export class Scheduler extends BaseComponent {
  readonly name = 'scheduler';
  readonly #options: SchedulerOptions & RunTools;
  readonly #bus: EventBus;
  readonly #lanes: Lanes;
  readonly #waiting: WaitingList;
  readonly #inLine: InLine;
  readonly #slots: Slots;
  readonly #known = new Map<string, Dispatch>();
  readonly #running = new Set<RunRecord>();
  readonly #resting: Resting;
  readonly #unsettled: SettleLater;
  readonly #places: Places;
  #stopping = false;
  #detached = false;
  #idle = new Deferred();

  constructor(options: SchedulerOptions) {
    super();
    this.#options = { ...options, crowded: () => this.#waiting.size > 0 };
    this.#bus = options.bus;
    this.#unsettled = new SettleLater(this.#options);
    this.#lanes = new Lanes(options.limits);
    this.#waiting = new WaitingList({
      laneOf: (dispatch) => this.#lanes.laneOf(dispatch),
      priorityOf: options.priorityOf,
    });
    this.#inLine = new InLine(options.bus, this.#known, this.#waiting);
    this.#slots = new Slots({
      wanted: options.slots,
      bus: options.bus,
      demand: () => ({ running: this.#lanes.slotsUsed, waiting: this.#waiting.size }),
      onMore: () => this.kick(),
    });
    this.#resting = new Resting(options.bus, options.crashes, (dispatch) => void this.#line([dispatch]));
    this.#places = {
      bus: options.bus,
      tools: this.#options,
      known: this.#known,
      waiting: this.#waiting,
      resting: this.#resting,
      unsettled: this.#unsettled,
      sharing: () => this.#inLine.sharing,
    };
  }

  /** From now on other daemons may take what waits here. */
  share(sharing: Sharing): void {
    this.#inLine.sharing = sharing;
  }

  /** What crashes again and again. */
  get aside(): SetAside {
    return this.#resting.aside;
  }

  /** Whether it takes nothing any more. */
  get closed(): boolean {
    return this.#stopping;
  }

  /** Slots that are free and that nobody waits for. */
  get idle(): number {
    const free = this.#slots.current - this.#lanes.slotsUsed - this.#waiting.size;
    return this.#stopping || this.#detached ? 0 : Math.max(0, free);
  }

  /** Slots that are free, and that nobody who waits here can use now. */
  get free(): number {
    return this.#stopping || this.#detached ? 0 : Math.max(0, this.#slots.current - this.#lanes.slotsUsed);
  }

  /** Whether a start like this could begin now, if nobody waited for the same. */
  wouldBegin(start: Pick<Dispatch, 'handle' | 'callback' | 'serviceHost'>): boolean {
    return this.free > 0 && this.#mayRun(this.#lanes.laneOf(start));
  }

  /** Whether the limits of a service host, and of a pattern of callbacks, let one more run. */
  hasRoom(host: string, pattern: string | undefined): boolean {
    return this.#lanes.hasRoomFor(host, pattern);
  }

  get slots(): number {
    return this.#slots.current;
  }

  /** A database server allows so many connections to a site: its own pages come first. */
  limitBy(connections: number): void {
    this.#slots.limitBy(connections);
  }

  /** Runs in hand, for people to look at. */
  get running(): readonly RunRecord[] {
    return [...this.#running];
  }

  /** Starts that wait, without those held by a maintenance mode. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether this very start waits or runs. */
  has(dispatch: Dispatch): boolean {
    return this.#known.get(dispatchKey(dispatch)) === dispatch;
  }

  /** Whether somebody here sees to the start with this row: it waits, runs, is being settled, or is given back. */
  knows(row: Pick<Dispatch, 'handle' | 'stamp'>): boolean {
    return this.#detached || this.#known.has(dispatchKey(row));
  }

  /** All that is in hand: it waits, runs, or is being settled. */
  get inHand(): readonly Dispatch[] {
    return [...this.#known.values()];
  }

  waitingOf(site: ServedSite): number {
    return this.#waiting.sizeOf(site);
  }

  heldOf(site: ServedSite): number {
    return this.#resting.sizeOf(site);
  }

  /** Ends of a site that could not be settled yet. */
  unsettledOf(site: ServedSite): number {
    return this.#unsettled.sizeOf(site);
  }

  /** The first waiting starts, at most `limit`. */
  firstWaiting(limit: number): Dispatch[] {
    return this.#waiting.firstOnes(limit);
  }

  /** Starts that wait and are not in line: for the end of a maintenance mode, for an administrator, for their next try. */
  resting(): readonly Dispatch[] {
    return this.#resting.all();
  }

  /** Why a start is not in line; undefined: it is. */
  restOf(dispatch: Dispatch): Rest | undefined {
    return this.#resting.of(dispatch);
  }

  /** Everything that waits, held starts too. */
  allWaiting(): Dispatch[] {
    return [...this.#waiting, ...this.#resting.all()];
  }

  /**
   * Takes a start. When it has to wait, its row is put to wait before it counts
   * as taken, so that the site's clean-up leaves it alone.
   *
   * @throws what the database throws; then nothing was taken
   */
  async offer(dispatch: Dispatch): Promise<Offer> {
    const key = dispatchKey(dispatch);
    const known = this.#known.get(key);
    if (known) {
      // Found again by the sweep: the row could not be put to wait when it came.
      await keepWaiting(known);
      return 'known';
    }
    if (this.#stopping) return 'stopping';
    if (this.#detached) return 'detached';
    if (this.#isFull && !this.#inLine.sharing.brought(dispatch)) {
      return 'full';
    }
    this.#known.set(key, dispatch);
    // The last daemon may have begun it before.
    const { ledger } = this.#options;
    dispatch.tries = Math.max(dispatch.tries, ledger.triesOf(dispatch.site.name, dispatch.handle, dispatch.stamp));
    if (this.aside.takes(dispatch)) {
      await keepWaiting(dispatch);
      this.#inLine.sharing.leaves(dispatch);
      return 'taken';
    }
    const isFirst = this.#waiting.size === 0 || !needsSlot(dispatch.callback);
    if (isFirst && this.#inLine.sharing.mayBegin(dispatch) && this.#mayBegin(dispatch)) {
      void this.#run(dispatch);
      return 'taken';
    }
    if (this.#inLine.sharing.wants(dispatch)) {
      // Whoever gets it finds its row waiting.
      await this.#inLine.mark(dispatch);
      await this.#line([dispatch]);
      return 'taken';
    }
    // In line at once, so that the order is that of arrival.
    this.#waiting.add(dispatch);
    const { site, handle, callback } = dispatch;
    this.#bus.emit('run.waiting', { site: site.name, handle, callback, position: this.#waiting.size });
    await this.#inLine.mark(dispatch);
    this.kick();
    return 'taken';
  }

  /** Shares what waits here alone: the others can be reached again. */
  async reshare(): Promise<void> {
    await this.#line(this.#waiting.clear());
  }

  /**
   * Begins no further run; running ones go on.
   *
   * @returns everything that waited: it is the caller's now
   */
  detach(): Dispatch[] {
    this.#detached = true;
    const given = [...this.#waiting.clear(), ...this.#resting.clear()];
    for (const dispatch of given) {
      this.#known.delete(dispatchKey(dispatch));
      this.#inLine.sharing.leaves(dispatch);
    }
    return given;
  }

  /** Keeps a start that could not be given back: it waits for another try, or for the next daemon. */
  keep(dispatch: Dispatch): void {
    this.#known.set(dispatchKey(dispatch), dispatch);
    this.#waiting.putBack(dispatch);
  }

  /**
   * Ends a start that waits, as if it had run and come to this; or in another way.
   *
   * @returns false: it does not wait any more
   */
  async withdraw(dispatch: Dispatch, cause: Outcome | RunEnd): Promise<boolean> {
    if (!this.#waiting.remove(dispatch) && !this.#resting.remove(dispatch)) {
      return false;
    }
    await this.end(dispatch, cause);
    return true;
  }

  /** Ends a start that is this daemon's and waits nowhere, as if it had run and come to this; or in another way. */
  async end(dispatch: Dispatch, cause: Outcome | RunEnd): Promise<void> {
    this.#known.set(dispatchKey(dispatch), dispatch);
    const end = 'type' in cause ? Promise.resolve(cause) : dropWaiting(dispatch, cause, this.#options);
    await this.#see(new RunRecord(dispatch), end);
  }

  /** Leaves a start that waits in line to the others; false: it does not wait, or did not come from them. */
  giveBack(dispatch: Dispatch): boolean {
    return this.#inLine.giveBack(dispatch);
  }

  /** Lets starts go that were set aside; how many. */
  release(isMeant: (dispatch: Dispatch) => boolean): Dispatch[] {
    const released = this.aside.release(isMeant);
    void this.#line(released);
    return released;
  }

  /** Takes a run in hand that the last daemon left. */
  resume(dispatch: Dispatch, entry: LedgerEntry): void {
    const { pid, dispatchedAt } = entry.run;
    const record = new RunRecord(dispatch, dispatchedAt);
    record.take(
      { pid, kill: (signal) => killGroup(pid, signal) },
      isolations.find((one) => one === entry.run.isolation),
    );
    this.#known.set(dispatchKey(dispatch), dispatch);
    void this.#see(record, resumeRun(record, this.#options, entry));
  }

  /** Fills free slots. */
  kick(): void {
    while (!this.#stopping && !this.#detached) {
      const next = this.#waiting.take(
        (site) => site.trouble === undefined,
        (lane) => this.#mayRun(lane),
      );
      if (!next) {
        this.#inLine.sharing.slotFreed();
        return;
      }
      void this.#run(next);
    }
  }

  /**
   * Lets running work finish.
   *
   * @param grace milliseconds; what still runs then is left running
   * @param hurry ends the waiting early
   * @returns how many runs were left
   */
  async drain(grace: number, hurry: Promise<void>): Promise<number> {
    this.#stopping = true;
    this.#resting.hold.stop();
    this.#noteIdle();
    const late = new Deferred();
    const timer = setTimeout(() => late.resolve(), grace);
    await Promise.race([this.#idle.promise, late.promise, hurry]);
    clearTimeout(timer);
    return this.#running.size;
  }

  protected override async onStart(): Promise<void> {
    this.#resting.hold.start();
    await this.#slots.start();
  }

  protected override async onStop(): Promise<void> {
    this.#stopping = true;
    this.#resting.hold.stop();
    await this.#slots.stop();
  }

  get #isFull(): boolean {
    const all = this.#waiting.size + this.#resting.size + this.#inLine.sharing.waiting;
    return all >= this.#options.backlogMax;
  }

  #mayBegin(dispatch: Dispatch): boolean {
    return dispatch.site.trouble === undefined && this.#mayRun(this.#lanes.laneOf(dispatch));
  }

  #mayRun(lane: string): boolean {
    return this.#lanes.mayRun(lane, this.#slots.current);
  }

  async #run(dispatch: Dispatch): Promise<void> {
    const record = new RunRecord(dispatch);
    await this.#see(record, runProcess(record, this.#options));
  }

  /** A run has its slot until it is over. */
  async #see(record: RunRecord, run: Promise<RunEnd>): Promise<void> {
    const { dispatch } = record;
    this.#inLine.sharing.begins(dispatch);
    this.#running.add(record);
    this.#lanes.enter(dispatch);
    let end: RunEnd;
    try {
      end = await run;
      if (record.stopped && (end.type === 'again' || end.type === 'trouble' || end.type === 'held')) {
        // Whoever stopped it was told that it has ended.
        end = await dropWaiting(dispatch, record.stopped, this.#options);
      }
    } catch (error) {
      // A defect of ours must not lose the slot; the row is left for the sweep.
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      end = { type: 'nothing', reason: `internal error: ${reason}` };
    }
    try {
      await afterRun(record, end, this.#places);
    } finally {
      this.#running.delete(record);
      this.#lanes.leave(dispatch);
      this.kick();
      this.#noteIdle();
    }
  }

  /** Puts starts in line whose rows wait. */
  async #line(all: readonly Dispatch[]): Promise<void> {
    await this.#inLine.add(all);
    this.kick();
  }

  #noteIdle(): void {
    if (this.#stopping && this.#running.size === 0) {
      this.#idle.resolve();
    }
  }
}
