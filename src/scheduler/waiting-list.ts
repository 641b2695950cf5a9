import type { Dispatch } from './dispatch.js';
import type { ServedSite } from './served-site.js';

/**
 * Starts that wait for a slot: first in, first out within a site, and the sites
 * in turn, so that a flood of one does not hold back the others.
 */
export class WaitingList {
  readonly #queues = new Map<ServedSite, Queue>();
  #turn: ServedSite[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sizeOf(site: ServedSite): number {
    return this.#queues.get(site)?.size ?? 0;
  }

  add(dispatch: Dispatch): void {
    this.#queue(dispatch.site).push(dispatch);
    this.#size += 1;
  }

  /** Back to where it was: it was taken but could not begin. */
  putBack(dispatch: Dispatch): void {
    this.#queue(dispatch.site).insert(dispatch);
    this.#size += 1;
  }

  /** The next start of a site that may run now; undefined: none. */
  take(mayRun: (site: ServedSite) => boolean): Dispatch | undefined {
    for (let turn = 0; turn < this.#turn.length; turn += 1) {
      const site = this.#turn[turn];
      const queue = site && this.#queues.get(site);
      if (!site || !queue || queue.size === 0 || !mayRun(site)) {
        continue;
      }
      this.#turn = [...this.#turn.slice(0, turn), ...this.#turn.slice(turn + 1), site];
      this.#size -= 1;
      return queue.shift();
    }
    return undefined;
  }

  /** Empties the list; what was in it. */
  clear(): Dispatch[] {
    const all = [...this];
    this.#queues.clear();
    this.#turn = [];
    this.#size = 0;
    return all;
  }

  /** All that waits, oldest first within each site. */
  *[Symbol.iterator](): Generator<Dispatch> {
    for (const queue of this.#queues.values()) {
      yield* queue;
    }
  }

  #queue(site: ServedSite): Queue {
    let queue = this.#queues.get(site);
    if (!queue) {
      queue = new Queue();
      this.#queues.set(site, queue);
      this.#turn.push(site);
    }
    return queue;
  }
}

/** A first-in-first-out list whose shift() does not move the rest. */
class Queue {
  #items: (Dispatch | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Dispatch): void {
    this.#items.push(item);
  }

  /** In front of all that were accepted later; those are few, since it was among the first. */
  insert(item: Dispatch): void {
    let index = this.#head;
    for (; index < this.#items.length; index += 1) {
      const other = this.#items[index];
      if (other && other.order > item.order) {
        break;
      }
    }
    this.#items.splice(index, 0, item);
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
