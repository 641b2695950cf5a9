import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import type { LockKeeper } from '../outcome/lock-keeper.js';
import type { Ending } from '../outcome/past-runs.js';
import { settleDead } from '../outcome/settle.js';
import { lost } from '../process/outcome.js';
import { isOwnProcess, ownCallbacks } from '../process/own-callback.js';
import { settleTools } from '../scheduler/end-run.js';
import { endingOf } from '../scheduler/ending-of.js';
import { sumOf } from '../scheduler/ownership.js';
import { removeNotes } from '../scheduler/run-process.js';
import { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { dispatchOf } from '../scheduler/take-start.js';
import { noContext } from '../sites/request.js';
import type { OwnedProcess } from '../store/owner-table.js';
import type { ProcessRow } from '../store/process-store.js';
import { StoreGuard } from '../store/store-guard.js';
import { processFile } from '../workers/jobs.js';
import { partsOf } from '../support/parts.js';
import { judgeStranded, type Stranded } from './stranded.js';

/** Milliseconds between two signs of life at most, and between two looks. */
const longestBeat = 3_000;
const lookInterval = 5_000;

/** Milliseconds after which the same trouble is told again. */
const reminder = 60_000;

/** Every so manieth look is also for rows of which nobody has said that he has them. */
const wideLook = 6;

/** Rows that one question asks for, and such rows that are read at most. */
const batch = 500;

export interface StrandWatchOptions {
  readonly sites: readonly ServedSite[];
  readonly scheduler: Pick<Scheduler, 'inHand' | 'running'>;
  readonly bus: EventBus;
  readonly locks: LockKeeper;
  /** Milliseconds after which others take over what waits here without a sign of life; several signs fit into them. */
  readonly takeOver: number | 'off';
  /** Milliseconds that a helper may take to settle. */
  readonly settleTimeout: number;
  /** Told of a run that was lost, for the history. */
  readonly onLost: (ending: Ending) => void;
}

/** What was seen at the last look at a site. */
interface Seen {
  looks: number;
  owned: ReadonlySet<string>;
  unowned: ReadonlySet<string>;
  left: ReadonlySet<string>;
}

/**
 * Settles processes of our own that stand as running although nobody has them in hand: they would keep
 * core cron, a queue or an entry from ever beginning again. Theirs was a daemon that is gone with its
 * state directory, or the database has taken back that they ended.
 *
 * One counts as lost when two looks in a row show the same.
 */
export class StrandWatch extends BaseComponent {
  readonly name = 'strand-watch';
  readonly #options: StrandWatchOptions;
  readonly #guard: StoreGuard;
  readonly #seen = new Map<ServedSite, Seen>();
  /** Monotonic milliseconds of the last sign of life for each site. */
  readonly #beaten = new Map<ServedSite, number>();
  readonly #beats = new Repeated(() => this.#beat());
  readonly #looks = new Repeated(() => this.#look());

  constructor(options: StrandWatchOptions) {
    super();
    this.#options = options;
    this.#guard = new StoreGuard(options.bus, reminder);
  }

  protected override async onStart(): Promise<void> {
    await this.#beat();
    const { takeOver } = this.#options;
    this.#beats.start(takeOver === 'off' ? longestBeat : Math.min(longestBeat, takeOver / 5));
    this.#looks.start(lookInterval);
    // What this daemon has taken over is its own from now on.
    this.#looks.now();
  }

  protected override async onStop(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#beats.stop()]);
    await Promise.all(this.#options.sites.map((site) => site.ownership.leave().catch(() => undefined)));
  }

  async #beat(): Promise<void> {
    await Promise.all(
      this.#options.sites.map(async (site) => {
        // A database that is away hears nobody. In a copied one nobody here has anything in hand.
        if (site.belonging !== 'copied' && this.#isDue(site)) {
          await site.ownership.beat().catch(() => undefined);
        }
      }),
    );
  }

  /** Whether the time for another sign has come: one that stands alone need not write so often. */
  #isDue(site: ServedSite): boolean {
    const { takeOver } = this.#options;
    const now = performance.now();
    const isAlone = Object.keys(site.facts?.serviceGroups ?? {}).length === 0;
    const rest = takeOver === 'off' ? longestBeat : Math.min(longestBeat, takeOver / 2);
    if (isAlone && now - (this.#beaten.get(site) ?? -Infinity) < rest) return false;
    this.#beaten.set(site, now);
    return true;
  }

  async #look(): Promise<void> {
    for (const site of this.#options.sites) {
      if (site.isOpen) {
        await this.#guard.run(site, () => this.#lookAt(site));
      }
    }
  }

  async #lookAt(site: ServedSite): Promise<void> {
    const entries = (await site.lookAtInstallation()) === 'copied' ? undefined : await site.ownership.list();
    if (!entries) {
      return;
    }
    const seen = this.#seen.get(site) ?? { looks: 0, owned: new Set(), unowned: new Set(), left: new Set() };
    this.#seen.set(site, seen);
    const isWide = seen.looks % wideLook === 0;
    seen.looks += 1;
    const at = Date.now() / 1000;
    const own = this.#options.scheduler.running.filter(
      ({ dispatch, claimStamp }) => dispatch.site === site && claimStamp !== undefined && isOwnProcess(dispatch),
    );
    const handles = new Set([...entries.map(({ handle }) => handle), ...own.map(({ dispatch }) => dispatch.handle)]);
    const rows = await rowsOf(site, [...handles]);
    if (isWide) {
      rows.push(...(await site.store.claimedOf(ownCallbacks, batch)));
    }
    await this.#takeOver(site, own, entries, rows);
    // Asked after the rows were read: what began meanwhile is known.
    const inHand = new Set(
      this.#options.scheduler.inHand.filter((one) => one.site === site).map(({ handle }) => handle),
    );
    const daemon = site.ownership.id;
    const { stranded, left } = judgeStranded({ daemon, entries, rows, hasInHand: (handle) => inHand.has(handle) });
    const due = stranded.filter(({ key, isOwned }) => (isOwned ? seen.owned : isWide ? seen.unowned : noKeys).has(key));
    const gone = left.filter((sum) => seen.left.has(sum));
    seen.owned = keysOf(stranded, true);
    seen.unowned = isWide ? keysOf(stranded, false) : seen.unowned;
    seen.left = new Set(left);
    for (const one of due) {
      gone.push(...(await this.#settle(site, one, at)));
    }
    await site.ownership.forget(gone);
  }

  /** Says of what goes on here that it does, where that is not known: an earlier daemon began it, or the database was away. */
  async #takeOver(
    site: ServedSite,
    own: readonly RunRecord[],
    entries: readonly OwnedProcess[],
    rows: readonly ProcessRow[],
  ): Promise<void> {
    const known = new Map(entries.map((entry) => [entry.sum, entry]));
    for (const { dispatch, claimStamp, lock } of own) {
      const row = rows.find(({ handle, stamp }) => handle === dispatch.handle && stamp === claimStamp);
      const entry = row && known.get(sumOf(row.token));
      if (row && (entry?.daemon !== site.ownership.id || entry.lock !== lock)) {
        await site.ownership.take(row.handle, sumOf(row.token), lock);
      }
    }
  }

  /**
   * Settles one; by its stamp, so that of several daemons one does.
   *
   * @param at seconds since 1970 at which its row was still there
   * @returns its sum, when nothing is left of it
   */
  async #settle(site: ServedSite, { row, lock, why }: Stranded, at: number): Promise<string[]> {
    const { bus, onLost } = this.#options;
    const { handle, callback, stamp } = row;
    const start = { target: site, uri: site.uris[0], row, context: noContext, arrivedAt: performance.now() };
    const dispatch = dispatchOf(start, -1);
    const outcome = lost(callback, why);
    const endedAt = Math.max(at, Number(stamp));
    const dead = {
      ...{ id: dispatch.id, uri: dispatch.uri, handle, callback, stamp, outcome, endedAt, lock },
      hook: true,
      processFile: processFile(site.place, dispatch.id),
    };
    try {
      const settled = await settleDead(settleTools(this.#options, site), dead);
      await removeNotes(site.place, dispatch.id);
      if (settled.row === 'deleted') {
        bus.emit('run.stranded', { site: site.name, handle, callback, reason: why });
        bus.emit('run.settled', { site: site.name, handle, callback, outcome: outcome.kind, ...settled });
        const record = new RunRecord(dispatch, Number(stamp) * 1000);
        record.claimStamp = stamp;
        record.exit = { seen: { code: undefined, signal: undefined, seen: false }, at: endedAt };
        onLost(endingOf(record, outcome));
      }
      return [sumOf(row.token)];
    } catch (error) {
      // It stands as it did, and the next look finds it.
      const reason = error instanceof Error ? error.message : String(error);
      bus.emit('settle.postponed', { site: site.name, handle, callback, reason });
      return [];
    }
  }
}

const noKeys: ReadonlySet<string> = new Set();

function keysOf(stranded: readonly Stranded[], isOwned: boolean): ReadonlySet<string> {
  return new Set(stranded.filter((one) => one.isOwned === isOwned).map(({ key }) => key));
}

async function rowsOf(site: ServedSite, handles: readonly string[]): Promise<ProcessRow[]> {
  const rows: ProcessRow[] = [];
  for (const part of partsOf(handles, batch)) {
    rows.push(...(await site.store.find(part)));
  }
  return rows;
}
