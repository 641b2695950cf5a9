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
