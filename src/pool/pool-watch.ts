import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import type { StartTaker } from '../intake/accept-start.js';
import { asStart } from '../liveness/found-start.js';
import type { StartNotes } from '../liveness/start-notes.js';
import { execStatus } from '../process/states.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { RunEnd } from '../scheduler/end-run.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { isTakenOver, takenOver } from '../scheduler/taken-over.js';
import type { HostMap } from '../sites/host-map.js';
import type { ProcessRow } from '../store/process-store.js';
import { StoreGuard } from '../store/store-guard.js';
import { partsOf } from '../support/parts.js';
import { KeptRequests } from './kept-requests.js';
import { busyHosts, heirOf, isAlive, neighboursOf, silentHosts, type PoolRules } from './neighbours.js';
import { chooseUntaken, isUrgent, SeenRows } from './untaken.js';

/** Milliseconds after which the same trouble is told again. */
const reminder = 60_000;

/** Milliseconds to the next look behind one that has taken something: slots may be free again, and more may lie there. */
const soon = 100;

/** Rows of each kind that one look reads at most. */
const batch = 500;

/** Waiting starts of which what their requests brought along is kept at most. */
const keptMost = 10_000;

/** How a start ends here that was over elsewhere before this daemon could look. */
const gone: RunEnd = { type: 'nothing', reason: 'it was taken over by another drupald, or removed, and is over' };

export interface PoolWatchOptions {
  readonly sites: readonly ServedSite[];
  readonly hosts: HostMap<ServedSite>;
  readonly scheduler: Pick<
    Scheduler,
    'free' | 'wouldBegin' | 'running' | 'allWaiting' | 'firstWaiting' | 'resting' | 'withdraw'
  >;
  readonly taker: StartTaker<ServedSite>;
  readonly notes: StartNotes;
  readonly bus: EventBus;
  /** Names of the service hosts of a site that this daemon serves. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
  /** Whether everything is left to the sites. */
  readonly isDetached: () => boolean;
  /** Milliseconds. */
  readonly takeOver: number | 'off';
  /** Milliseconds after which a start that waits at a busy neighbour is run here. */
  readonly shareAfter: number | 'off';
  /** Of rows that wait, those that no shared backlog delivers; without it: all of them. */
  readonly undelivered?:
    ((site: ServedSite, rows: readonly ProcessRow[]) => Promise<readonly ProcessRow[]>) | undefined;
  /** Names of service hosts. */
  readonly takeOverFrom: readonly string[];
}

/** What was seen at the last look at a site. */
interface Seen {
  readonly rows: SeenRows;
  readonly requests: KeptRequests;
  silent: readonly string[];
  /** Monotonic milliseconds. */
  at: number;
}

/**
 * Takes over starts that were sent to a neighbour and that it does not run: several daemons of one site share
 * what one of them cannot do.
 *
 * A start that nobody has taken (status 1) needs no sign of life: whoever has not taken it for so long is down,
 * hangs, or has refused it. One that waits at a daemon (status 3) is taken when no daemon of its service host
 * has given a sign of life; or, where that is wished, when the daemon lives and has no slot for it. What runs is never touched. One statement takes a row, fenced by all that was
 * seen of it, so of several daemons one gets it.
 */
export class PoolWatch extends BaseComponent {
  readonly name = 'pool-watch';
  readonly #options: PoolWatchOptions;
  readonly #guard: StoreGuard;
  readonly #seen = new Map<ServedSite, Seen>();
  readonly #marked = new WeakSet<RunRecord>();
  readonly #looks = new Repeated(() => this.#look());
  #next: NodeJS.Timeout | undefined;

  constructor(options: PoolWatchOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
  }

  protected override onStart(): void {
    const { takeOver } = this.#options;
    if (takeOver !== 'off') {
      this.#looks.start(Math.min(1_000, takeOver / 10));
    }
  }

  protected override async onStop(): Promise<void> {
    await this.#looks.stop();
    clearTimeout(this.#next);
  }

  async #look(): Promise<void> {
    const { sites, taker, isDetached, takeOver } = this.#options;
    for (const site of sites) {
      if (site.isOpen && takeOver !== 'off' && !taker.closed && !isDetached()) {
        await this.#guard.run(site, () => this.#lookAt(site, takeOver / 1000));
      }
    }
  }

  /** @param takeOver seconds */
  async #lookAt(site: ServedSite, takeOver: number): Promise<void> {
    const at = performance.now();
    const seen = this.#seen.get(site) ?? this.#unseen(site, at);
    this.#seen.set(site, seen);
    if (at - seen.at > takeOver * 1000) {
      await this.#giveUp(site);
    }
    seen.at = at;
    await this.#keep(site, at - takeOver * 500);
    const rules: PoolRules = {
      groups: site.facts?.serviceGroups ?? {},
      own: this.#options.hostsOf(site),
      named: this.#options.takeOverFrom,
    };
    const neighbours = neighboursOf(rules);
    if (neighbours.length === 0 || rules.own.length === 0 || (await site.lookAtInstallation()) === 'copied') {
      return;
    }
    const listed = await site.ownership.daemons();
    const now = listed?.now ?? Date.now() / 1000;
    const { shareAfter, scheduler } = this.#options;
    const others = listed?.daemons.some((daemon) => daemon.id !== site.ownership.id && isAlive(daemon, takeOver));
    await seen.requests.follow(others === true ? this.#waitingAt(site) : []);
    // What waits here may have begun at a neighbour.
    if (shareAfter !== 'off' && scheduler.allWaiting().length > 0) await this.#giveUp(site);
    // Two looks must show it: a clock that was set makes everybody look silent until the next sign of life.
    const silent = listed ? silentHosts(neighbours, listed.daemons, takeOver) : [];
    const dead = silent.filter((host) => seen.silent.includes(host));
    seen.silent = silent;
    const busy =
      shareAfter === 'off' || !listed || scheduler.free === 0
        ? []
        : busyHosts(neighbours, listed.daemons).filter((host) => !silent.includes(host));
    const [sent, waiting, shared] = await Promise.all([
      site.neighbours.untaken(neighbours, execStatus.locked, now, batch),
      site.neighbours.untaken(dead, execStatus.queued, now, batch),
      site.neighbours.untaken(busy, execStatus.queued, now, batch),
    ]);
    const alone = this.#options.undelivered ?? ((_site, rows) => Promise.resolve(rows));
    const seenFor = seen.rows.note(sent, at);
    const patience = {
      takeOver,
      shareAfter: shareAfter === 'off' ? Infinity : shareAfter / 1000,
      connectionTimeout: site.facts?.connectionTimeout ?? 0,
    };
    const mayBegin = (row: ProcessRow): boolean => this.#ableOf(row, rules).length > 0;
    const found = {
      sent,
      waiting: await alone(site, waiting),
      busy: await alone(site, shared),
      seenFor,
      now,
      mayBegin,
    };
    for (const row of chooseUntaken(found, patience, scheduler.free)) {
      // Those before it may have what it needs by now.
      const own = this.#ableOf(row, rules);
      if (own.length === 0 && !isUrgent(row, now)) continue;
      await this.#take(site, row, own.length > 0 ? { ...rules, own } : rules, busy, seen.requests);
      clearTimeout(this.#next);
      this.#next = setTimeout(() => this.#looks.now(), soon);
    }
  }

  async #take(
    site: ServedSite,
    row: ProcessRow,
    rules: PoolRules,
    busy: readonly string[],
    requests: KeptRequests,
  ): Promise<void> {
    const { bus, taker, hosts, notes } = this.#options;
    const to = heirOf(row.serviceHost, rules);
    if (to === undefined) {
      return;
    }
    // Whoever had it removes this as soon as it has lost the row. Of one that nobody took nobody has seen the request.
    const kept = row.status === execStatus.locked ? undefined : await requests.find(row);
    const taken = await site.neighbours.takeOver(row, to);
    if (!taken) {
      return;
    }
    const { handle, callback, serviceHost: from } = row;
    const why = busy.includes(from) ? 'it waits there for a slot' : 'no drupald that serves it gives a sign of life';
    const reason = row.status === execStatus.locked ? 'nobody has taken it' : why;
    bus.emit('start.taken-over', { site: site.name, handle, callback, from, to: taken.serviceHost, reason });
    // It runs under the address that it was sent to.
    const httpHost = site.facts?.serviceHosts[from]?.httpHost ?? '';
    await taker.offer(asStart(site, taken, httpHost, hosts, notes, kept));
    if (kept) await requests.forget(row);
  }

  /** Under which of our service hosts one like it could begin at once. */
  #ableOf(row: ProcessRow, { own }: PoolRules): string[] {
    return own.filter((serviceHost) => this.#options.scheduler.wouldBegin({ ...row, serviceHost }));
  }

  #unseen(site: ServedSite, at: number): Seen {
    return { rows: new SeenRows(), requests: new KeptRequests(site.starts), silent: [], at };
  }

  #waitingAt(site: ServedSite): Dispatch[] {
    const { scheduler } = this.#options;
    const waiting = [...scheduler.firstWaiting(keptMost), ...scheduler.resting().slice(0, keptMost)];
    return waiting.filter((dispatch) => dispatch.site === site);
  }

  /** Has others see that somebody here has a start in hand, when its worker takes long to claim it. */
  async #keep(site: ServedSite, before: number): Promise<void> {
    const slow = this.#options.scheduler.running.filter(
      (record) =>
        record.dispatch.site === site &&
        record.claimStamp === undefined &&
        record.dispatch.arrivedAt < before &&
        !this.#marked.has(record),
    );
    for (const record of slow) {
      await site.store.markWaiting(record.dispatch.handle, record.dispatch.stamp);
      this.#marked.add(record);
    }
  }

  /** After this daemon was frozen or without its database: what waits here may be another's meanwhile. */
  async #giveUp(site: ServedSite): Promise<void> {
    const { scheduler } = this.#options;
    const waiting = scheduler.allWaiting().filter((dispatch) => dispatch.site === site);
    for (const part of partsOf(waiting, batch)) {
      const rows = new Map((await site.store.find(part.map(({ handle }) => handle))).map((row) => [row.handle, row]));
      for (const dispatch of part) {
        const row = rows.get(dispatch.handle);
        if (!row || isTakenOver(row, dispatch)) {
          await scheduler.withdraw(dispatch, row ? takenOver : gone);
        }
      }
    }
  }
}
