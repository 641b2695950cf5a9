import type { AcceptedStart } from '../intake/accept-start.js';
import type { SweepSharing } from '../liveness/sweep.js';
import { isOwnProcess } from '../process/own-callback.js';
import { execStatus } from '../process/states.js';
import { dispatchKey, type Dispatch } from '../scheduler/dispatch.js';
import type { KillWish } from '../scheduler/kill.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { TakeStart } from '../scheduler/take-start.js';
import { noContext } from '../sites/request.js';
import type { ProcessRow } from '../store/process-store.js';
import type { RedisLink } from './redis-link.js';
import type { SharedBacklog } from './shared-backlog.js';
import type { SiteLines } from './site-lines.js';

/** Milliseconds for which Redis may be away until what waits there is taken back: a restart of it is shorter. */
const patience = 5_000;

/** Starts that are taken back from Redis at a time. */
const width = 50;

/** What waits in the shared backlog with this daemon's service hosts: it sees to it that nothing of it is lost. */
export class OwnStarts implements SweepSharing {
  readonly #backlog: SharedBacklog;
  readonly #link: RedisLink;
  readonly #taker: TakeStart;

  constructor(backlog: SharedBacklog, link: RedisLink, taker: TakeStart) {
    this.#backlog = backlog;
    this.#link = link;
    this.#taker = taker;
  }

  has(site: ServedSite, row: ProcessRow): boolean {
    return this.#backlog.isFor(row) && this.#isOpen(site);
  }

  async reconcile(
    site: ServedSite,
    starts: readonly AcceptedStart<ServedSite>[],
    read: { readonly at: number; readonly until: number },
  ): Promise<void> {
    const lines = this.#backlog.linesOf(site);
    if (!lines) {
      return;
    }
    lines.forgetOthers(new Set(starts.map(({ row }) => dispatchKey(row))), read);
    // What waits here is better told by whoever took it in than by its row.
    const missing = await lines.missing(starts.map(({ row }) => row)).catch(() => new Set<string>());
    const again = starts.filter(({ row }) => missing.has(dispatchKey(row)));
    const dispatches = again.map((start) => lines.find(start.row)?.dispatch ?? this.#taker.dispatchOf(start));
    if (dispatches.length > 0) {
      // Redis has lost something, so perhaps everything.
      await Promise.all(lines.all.map((line) => line.tellLimits())).catch(() => undefined);
      await this.#backlog.take(dispatches);
    }
    for (const start of starts) {
      if (!lines.find(start.row) && !missing.has(dispatchKey(start.row))) {
        // Whoever put it there knows more of it.
        lines.keep(this.#taker.dispatchOf(start));
      }
    }
  }

  /** Of rows that wait with other service hosts, those that the shared backlog does not deliver. */
  async undelivered(site: ServedSite, rows: readonly ProcessRow[]): Promise<readonly ProcessRow[]> {
    const lines = this.#backlog.linesOf(site);
    if (!lines || rows.length === 0) {
      return rows;
    }
    const missing = await lines.missing(rows).catch(() => undefined);
    return missing === undefined ? rows : rows.filter((row) => missing.has(dispatchKey(row)) || isOwnProcess(row));
  }

  /**
   * Takes starts out of the shared backlog, whichever daemon put them there: they are this daemon's then, and
   * wait nowhere. Throws what the database throws.
   */
  async claim(wish: KillWish): Promise<Dispatch[]> {
    const claimed: Dispatch[] = [];
    for (const lines of this.#backlog.open) {
      const { site } = lines;
      if (wish.site === undefined || wish.site === site.name) {
        const rows = await site.store.find([wish.handle]);
        const row = rows.find(({ status, serviceHost }) => status === execStatus.queued && serviceHost !== '');
        const dispatch = row && (await this.#claim(lines, row));
        claimed.push(...(dispatch ? [dispatch] : []));
      }
    }
    return claimed;
  }

  /** Takes everything back that waits there with this daemon's service hosts, and that no daemon has in hand. */
  async takeBack(): Promise<Dispatch[]> {
    const back: Dispatch[] = [];
    for (const lines of this.#backlog.open) {
      const queue = [...lines.handed];
      const lane = async (): Promise<void> => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const { dispatch, id } = next;
          lines.forget(dispatch);
          // Redis is away, or has lost it: then it waits nowhere else.
          const line = lines.lineOf(dispatch);
          const isFree = await (line?.takeOut(id) ?? Promise.resolve(true)).catch(() => true);
          if (isFree) back.push(dispatch);
        }
      };
      await Promise.all(Array.from({ length: width }, lane));
    }
    return back.sort((one, other) => one.order - other.order);
  }

  /** What waits there with this daemon's service hosts, for the next daemon. */
  get all(): readonly Dispatch[] {
    return this.#backlog.open.flatMap((lines) => lines.handed.map(({ dispatch }) => dispatch));
  }

  #isOpen(site: ServedSite): boolean {
    return this.#backlog.open.some((lines) => lines.site === site) && this.#link.awayFor < patience;
  }

  async #claim(lines: SiteLines, row: ProcessRow): Promise<Dispatch | undefined> {
    const { site } = lines;
    const known = lines.find(row)?.dispatch;
    if (!known && (await lines.missing([row])).size > 0) {
      // It waits at another daemon, which has it in hand.
      return undefined;
    }
    const taken = await site.neighbours.takeOver(row, row.serviceHost);
    if (!taken) {
      return undefined;
    }
    lines.forget(row);
    const { uri = site.uris[0], context = noContext, asked, arrivedAt = performance.now() } = known ?? {};
    return this.#taker.dispatchOf({ row: taken, target: site, uri, context, asked, arrivedAt });
  }
}
