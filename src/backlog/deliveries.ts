import type { EventBus } from '../events/bus.js';
import { heirOf } from '../pool/neighbours.js';
import { execStatus } from '../process/states.js';
import { newToken } from '../process/token.js';
import { dispatchKey, type Dispatch } from '../scheduler/dispatch.js';
import { sumOf } from '../scheduler/ownership.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { TakeStart } from '../scheduler/take-start.js';
import { databaseReason } from '../store/database.js';
import type { ProcessRow } from '../store/process-store.js';
import { partsOf } from '../support/parts.js';
import { RedisAway } from './redis-link.js';
import type { Delivery } from './shared-line.js';
import { readShared, type SharedStart } from './shared-start.js';
import type { SiteLines } from './site-lines.js';

/** Times that a row is read anew which changes while it is being taken. */
const attempts = 3;

/** Handles that one look at rows reads at most. */
const batch = 500;

/** Milliseconds of rest for a site whose database has failed. */
const rest = 1_000;

/** A start from the shared backlog that is this daemon's. */
interface Held {
  readonly dispatch: Dispatch;
  readonly delivery: Delivery;
  readonly lines: SiteLines;
  begun: boolean;
}

/** One that runs under another daemon, which does not say so any more: it counts until its row is gone. */
interface Watched {
  readonly delivery: Delivery;
  readonly site: ServedSite;
  readonly handle: string;
  readonly sums: readonly string[];
}

export interface DeliveryTools {
  readonly scheduler: Pick<Scheduler, 'offer'>;
  readonly taker: Pick<TakeStart, 'dispatchOf'>;
  readonly bus: EventBus;
  /** Names of the service hosts of a site that this daemon serves. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
  /** Service hosts with a limit of their own, by their name. */
  readonly isLimited: (host: string) => boolean;
}

/**
 * What becomes of starts that the shared backlog delivers: the row decides. Whoever takes a start writes down
 * first under which token its row will be found, so that the next one finds it, should he die in between.
 */
export class Deliveries {
  readonly #tools: DeliveryTools;
  readonly #held = new Map<string, Held>();
  readonly #watched = new Set<Watched>();
  readonly #pausedUntil = new Map<ServedSite, number>();
  #pending = 0;

  constructor(tools: DeliveryTools) {
    this.#tools = tools;
  }

  /** Slots that those will need which have not begun. */
  get claims(): number {
    let waiting = 0;
    for (const { begun } of this.#held.values()) waiting += begun ? 0 : 1;
    return this.#pending + waiting;
  }

  /** All that this daemon has in hand. */
  get all(): readonly Delivery[] {
    return [...this.#held.values(), ...this.#watched].map(({ delivery }) => delivery);
  }

  /** Whether nothing of a site is taken now, because its database has just failed. */
  pauses(site: ServedSite): boolean {
    return performance.now() < (this.#pausedUntil.get(site) ?? 0);
  }

  has(dispatch: Dispatch): boolean {
    return this.#held.get(dispatchKey(dispatch))?.dispatch === dispatch;
  }

  /** Takes a start that was delivered, or does what its row says. Never throws. */
  async take(lines: SiteLines, delivery: Delivery): Promise<void> {
    this.#pending += 1;
    try {
      await this.#take(lines, delivery);
    } catch (error) {
      if (error instanceof RedisAway) {
        delivery.line.abandon(delivery);
        return;
      }
      this.#pausedUntil.set(lines.site, performance.now() + rest);
      this.#tools.bus.emit('backlog.error', { site: lines.site.name, reason: databaseReason(error) });
      await delivery.line.giveBack(delivery).catch(() => undefined);
    } finally {
      this.#pending -= 1;
    }
  }

  begins(dispatch: Dispatch): void {
    const held = this.#held.get(dispatchKey(dispatch));
    if (held) held.begun = true;
  }

  /** It is over here. */
  leaves(dispatch: Dispatch): void {
    const held = this.#held.get(dispatchKey(dispatch));
    if (held && this.#held.delete(dispatchKey(dispatch))) {
      // Should Redis be away, it is delivered again, and its row says that it is over.
      held.delivery.line.done(held.delivery).catch(() => undefined);
    }
  }

  /** Gives one back; false: it did not come from there, or somebody may have begun it. */
  returns(dispatch: Dispatch): boolean {
    const held = this.#held.get(dispatchKey(dispatch));
    if (!held || dispatch.doubt) {
      return false;
    }
    this.#held.delete(dispatchKey(dispatch));
    held.lines.keep(dispatch, held.delivery.id);
    held.delivery.line.giveBack(held.delivery).catch(() => undefined);
    return true;
  }

  /** Those that came from there and have not begun. */
  waiting(): Dispatch[] {
    return [...this.#held.values()].flatMap(({ dispatch, begun }) => (begun ? [] : [dispatch]));
  }

  /** Looks which of those that run elsewhere are over. Throws what the database throws. */
  async look(): Promise<void> {
    const sites = new Set([...this.#watched].map(({ site }) => site));
    for (const site of sites) {
      const watched = [...this.#watched].filter((one) => one.site === site);
      for (const part of partsOf(watched, batch)) {
        const rows = await site.store.find(part.map(({ handle }) => handle));
        for (const one of part) {
          const row = rowOf(rows, one.handle, one.sums);
          if (row?.status !== execStatus.running) {
            this.#watched.delete(one);
            await one.delivery.line.done(one.delivery).catch(() => undefined);
          }
        }
      }
    }
  }

  async #take(lines: SiteLines, delivery: Delivery): Promise<void> {
    const { line } = delivery;
    const { site } = lines;
    let start = readShared(delivery.data);
    for (let attempt = 0; start && attempt < attempts; attempt += 1) {
      const sums = [start.sum, start.heir ?? start.sum];
      const row = rowOf(await site.store.find([start.handle]), start.handle, sums);
      if (!row) break;
      if (row.status === execStatus.running) {
        if (line.rule.poolSlots === undefined) break;
        this.#watched.add({ delivery, site, handle: row.handle, sums });
        return;
      }
      const to = this.#heirOf(site, row.serviceHost);
      if (to === undefined) {
        await line.giveBack(delivery);
        return;
      }
      const token = newToken();
      start = { ...start, sum: sumOf(row.token), heir: sumOf(token) };
      await line.note(delivery, start);
      const taken = await site.neighbours.takeOver(row, to, token);
      if (taken) {
        await this.#begin(lines, delivery, start, taken, row.serviceHost);
        return;
      }
    }
    await line.done(delivery);
  }

  async #begin(lines: SiteLines, delivery: Delivery, start: SharedStart, row: ProcessRow, from: string): Promise<void> {
    const { scheduler, taker, bus } = this.#tools;
    const { site } = lines;
    lines.forget(start);
    const waited = Math.max(0, Date.now() - start.acceptedAt);
    const dispatch: Dispatch = {
      ...taker.dispatchOf({
        row,
        target: site,
        uri: site.uris.find(({ url }) => url === start.uri) ?? site.uris[0],
        context: start.context,
        asked: start.asked,
        arrivedAt: performance.now() - waited,
      }),
      acceptedAt: start.acceptedAt,
      tries: start.tries,
    };
    this.#held.set(dispatchKey(dispatch), { dispatch, delivery, lines, begun: false });
    const about = { site: site.name, handle: row.handle, callback: row.callback };
    bus.emit('start.delivered', { ...about, from, to: row.serviceHost });
    const offer = await scheduler.offer(dispatch);
    if (offer !== 'taken' && offer !== 'known') {
      this.returns(dispatch);
    }
  }

  #heirOf(site: ServedSite, host: string): string | undefined {
    const { hostsOf, isLimited } = this.#tools;
    const all = hostsOf(site);
    if (all.includes(host)) return host;
    // Under one with a limit of its own it might have to wait.
    const free = all.filter((name) => !isLimited(name));
    return heirOf(host, { groups: site.facts?.serviceGroups ?? {}, own: free.length > 0 ? free : all });
  }
}

/** The row of this very start, by the sum of its token. */
function rowOf(rows: readonly ProcessRow[], handle: string, sums: readonly string[]): ProcessRow | undefined {
  return rows.find((row) => row.handle === handle && sums.includes(sumOf(row.token)));
}
