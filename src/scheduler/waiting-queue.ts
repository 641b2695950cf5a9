import type { Dispatch } from './dispatch.js';

/** Starts, first in, first out; a shift() does not move the rest. */
export class WaitingQueue {
  #items: (Dispatch | undefined)[] = [];
  #head = 0;

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
