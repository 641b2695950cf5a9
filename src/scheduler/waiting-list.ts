import type { Dispatch } from './dispatch.js';
import type { ServedSite } from './served-site.js';
import { WaitingQueue } from './waiting-queue.js';

/** Where a start stands in the list. */
export interface WaitingPlaces {
  readonly laneOf: (dispatch: Dispatch) => string;
  /** Higher numbers go first. */
  readonly priorityOf: (dispatch: Dispatch) => number;
}

/** All starts stand alike. */
const onePlace: WaitingPlaces = { laneOf: () => '', priorityOf: () => 0 };

/**
 * Starts that wait for a slot. Those of a higher priority go first, whatever their age; within one priority it is
 * first in, first out within a site, and the sites in turn, so that a flood of one does not hold back the others.
 * Those that may not run now because of a limit of their own are passed over, also by lower ones.
 */
export class WaitingList {
  readonly #places: WaitingPlaces;
  /** By priority, the highest first. */
  #levels: readonly Level[] = [];

  /** @param places starts of one lane may or may not run together */
  constructor(places: WaitingPlaces = onePlace) {
    this.#places = places;
  }

  get size(): number {
    return this.#levels.reduce((sum, { size }) => sum + size, 0);
  }

  sizeOf(site: ServedSite): number {
    return this.#levels.reduce((sum, level) => sum + level.sizeOf(site), 0);
  }

  add(dispatch: Dispatch): void {
    this.#level(dispatch).add(dispatch, this.#places.laneOf(dispatch));
  }

  /** Back to where it was: it was taken but could not begin. */
  putBack(dispatch: Dispatch): void {
    this.#level(dispatch).putBack(dispatch, this.#places.laneOf(dispatch));
  }

  /** The next start that may run now; undefined: none. */
  take(maySite: (site: ServedSite) => boolean, mayLane: (lane: string) => boolean = () => true): Dispatch | undefined {
    for (const level of this.#levels) {
      const next = level.take(maySite, mayLane);
      if (next) {
        return next;
      }
    }
    return undefined;
  }

  /** Takes one out; false: it does not wait. */
  remove(dispatch: Dispatch): boolean {
    return this.#level(dispatch).remove(dispatch, this.#places.laneOf(dispatch));
  }

  /** Empties the list; what was in it. */
  clear(): Dispatch[] {
    const all = [...this];
    this.#levels = [];
    return all;
  }

  /** The first of them, at most `limit`. */
  firstOnes(limit: number): Dispatch[] {
    const first: Dispatch[] = [];
    for (const dispatch of this) {
      if (first.length >= limit) {
        break;
      }
      first.push(dispatch);
    }
    return first;
  }

  /** All that waits: the highest priority first, oldest first within each site and lane. */
  *[Symbol.iterator](): Generator<Dispatch> {
    for (const level of this.#levels) {
      yield* level;
    }
  }

  #level(dispatch: Dispatch): Level {
    const priority = this.#places.priorityOf(dispatch);
    let level = this.#levels.find((one) => one.priority === priority);
    if (!level) {
      // Priorities are those of the settings: there are never many.
      level = new Level(priority);
      this.#levels = [...this.#levels, level].sort((one, other) => other.priority - one.priority);
    }
    return level;
  }
}

/** Starts of one priority. */
class Level {
  readonly priority: number;
  readonly #lines = new Map<ServedSite, Map<string, WaitingQueue>>();
  #turn: ServedSite[] = [];
  #size = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  get size(): number {
    return this.#size;
  }

  sizeOf(site: ServedSite): number {
    let size = 0;
    for (const queue of this.#lines.get(site)?.values() ?? []) {
      size += queue.size;
    }
    return size;
  }

  add(dispatch: Dispatch, lane: string): void {
    this.#queue(dispatch, lane).push(dispatch);
    this.#size += 1;
  }

  putBack(dispatch: Dispatch, lane: string): void {
    this.#queue(dispatch, lane).insert(dispatch);
    this.#size += 1;
  }

  take(maySite: (site: ServedSite) => boolean, mayLane: (lane: string) => boolean): Dispatch | undefined {
    for (let turn = 0; turn < this.#turn.length; turn += 1) {
      const site = this.#turn[turn];
      if (!site || !maySite(site)) {
        continue;
      }
      const queue = this.#first(site, mayLane);
      if (queue) {
        this.#turn = [...this.#turn.slice(0, turn), ...this.#turn.slice(turn + 1), site];
        this.#size -= 1;
        return queue.shift();
      }
    }
    return undefined;
  }

  remove(dispatch: Dispatch, lane: string): boolean {
    const removed = this.#lines.get(dispatch.site)?.get(lane)?.remove(dispatch) ?? false;
    this.#size -= removed ? 1 : 0;
    return removed;
  }

  *[Symbol.iterator](): Generator<Dispatch> {
    for (const lanes of this.#lines.values()) {
      for (const queue of lanes.values()) {
        yield* queue;
      }
    }
  }

  /** Of the lanes of a site that may run, the one whose first start has waited longest. */
  #first(site: ServedSite, mayLane: (lane: string) => boolean): WaitingQueue | undefined {
    let first: WaitingQueue | undefined;
    for (const [lane, queue] of this.#lines.get(site) ?? []) {
      const order = queue.first?.order;
      if (order !== undefined && (first?.first?.order ?? Number.POSITIVE_INFINITY) > order && mayLane(lane)) {
        first = queue;
      }
    }
    return first;
  }

  #queue({ site }: Dispatch, lane: string): WaitingQueue {
    let lanes = this.#lines.get(site);
    if (!lanes) {
      lanes = new Map();
      this.#lines.set(site, lanes);
      this.#turn.push(site);
    }
    let queue = lanes.get(lane);
    if (!queue) {
      queue = new WaitingQueue();
      lanes.set(lane, queue);
    }
    return queue;
  }
}
