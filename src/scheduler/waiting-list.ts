import type { Dispatch } from './dispatch.js';
import type { ServedSite } from './served-site.js';

/**
 * Starts that wait for a slot: those of a higher priority first, else first in, first out within a site, and the sites
 * in turn, so that a flood of one does not hold back the others. Those that may
 * not run now because of a limit of their own are passed over.
 */
export class WaitingList {
  readonly #lines = new Map<ServedSite, Map<string, Queue>>();
  readonly #laneOf: (dispatch: Dispatch) => string;
  readonly #priorityOf: (dispatch: Dispatch) => number;
  #turn: ServedSite[] = [];
  #size = 0;

  /**
   * @param laneOf starts of one lane may or may not run together
   * @param priorityOf higher numbers come first
   */
  constructor(laneOf: (dispatch: Dispatch) => string = () => '', priorityOf: (dispatch: Dispatch) => number = () => 0) {
    this.#laneOf = laneOf;
    this.#priorityOf = priorityOf;
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

  add(dispatch: Dispatch): void {
    this.#queue(dispatch).push(dispatch);
    this.#size += 1;
  }

  /** Back to where it was: it was taken but could not begin. */
  putBack(dispatch: Dispatch): void {
    this.#queue(dispatch).insert(dispatch);
    this.#size += 1;
  }

  /** The next start that may run now; undefined: none. */
  take(maySite: (site: ServedSite) => boolean, mayLane: (lane: string) => boolean = () => true): Dispatch | undefined {
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

  /** Takes one out; false: it does not wait. */
  remove(dispatch: Dispatch): boolean {
    const removed = this.#lines.get(dispatch.site)?.get(this.#keyOf(dispatch))?.remove(dispatch) ?? false;
    this.#size -= removed ? 1 : 0;
    return removed;
  }

  /** Empties the list; what was in it. */
  clear(): Dispatch[] {
    const all = [...this];
    this.#lines.clear();
    this.#turn = [];
    this.#size = 0;
    return all;
  }

  /** All that waits, oldest first within each site and lane. */
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

  *[Symbol.iterator](): Generator<Dispatch> {
    for (const lanes of this.#lines.values()) {
      for (const queue of lanes.values()) {
        yield* queue;
      }
    }
  }

  /** Of the lanes of a site that may run, the one whose first start comes first: by its priority, then by its age. */
  #first(site: ServedSite, mayLane: (lane: string) => boolean): Queue | undefined {
    let first: Queue | undefined;
    for (const queue of this.#lines.get(site)?.values() ?? []) {
      if (queue.size > 0 && (!first || isBefore(queue, first)) && mayLane(queue.lane)) {
        first = queue;
      }
    }
    return first;
  }

  /** Starts of one lane and one priority stand in one queue. */
  #keyOf(dispatch: Dispatch): string {
    return `${this.#priorityOf(dispatch)} ${this.#laneOf(dispatch)}`;
  }

  #queue(dispatch: Dispatch): Queue {
    const { site } = dispatch;
    let lanes = this.#lines.get(site);
    if (!lanes) {
      lanes = new Map();
      this.#lines.set(site, lanes);
      this.#turn.push(site);
    }
    const key = this.#keyOf(dispatch);
    let queue = lanes.get(key);
    if (!queue) {
      queue = new Queue(this.#laneOf(dispatch), this.#priorityOf(dispatch));
      lanes.set(key, queue);
    }
    return queue;
  }
}

function isBefore(one: Queue, other: Queue): boolean {
  const byAge = (one.first?.order ?? Infinity) < (other.first?.order ?? Infinity);
  return one.priority === other.priority ? byAge : one.priority > other.priority;
}

/** A first-in-first-out list whose shift() does not move the rest. */
class Queue {
  readonly lane: string;
  readonly priority: number;
  #items: (Dispatch | undefined)[] = [];
  #head = 0;

  constructor(lane: string, priority: number) {
    this.lane = lane;
    this.priority = priority;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  get first(): Dispatch | undefined {
    return this.#items[this.#head];
  }

  push(item: Dispatch): void {
    this.#items.push(item);
  }

  /** In front of all that were accepted later. */
  insert(item: Dispatch): void {
    let [low, high] = [this.#head, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle]?.order ?? 0) > item.order) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    this.#items.splice(low, 0, item);
  }

  remove(item: Dispatch): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index >= 0) {
      this.#items.splice(index, 1);
    }
    return index >= 0;
  }

  shift(): Dispatch | undefined {
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<Dispatch> {
    for (let index = this.#head; index < this.#items.length; index += 1) {
      const item = this.#items[index];
      if (item) {
        yield item;
      }
    }
  }
}
