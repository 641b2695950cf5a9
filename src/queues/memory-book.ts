import type { FailedItem, ItemBook } from '../store/queue-item-table.js';

/** Failed items that are kept in memory: the oldest are forgotten, and begin to count anew. */
const most = 10_000;

/** Failures of items where the database may not keep them: a restart forgets them. */
export class MemoryBook implements ItemBook {
  readonly #items = new Map<number, FailedItem>();

  async get(id: number): Promise<FailedItem | undefined> {
    return Promise.resolve(this.#items.get(id));
  }

  async save(item: FailedItem): Promise<void> {
    this.#items.delete(item.id);
    this.#items.set(item.id, item);
    const [oldest] = this.#items.keys();
    if (this.#items.size > most && oldest !== undefined) {
      this.#items.delete(oldest);
    }
    return Promise.resolve();
  }

  async forget(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      this.#items.delete(id);
    }
    return Promise.resolve();
  }

  async due(now: number, limit: number): Promise<FailedItem[]> {
    return Promise.resolve(this.#pausing.filter(({ until }) => until <= now).slice(0, limit));
  }

  async next(): Promise<number | undefined> {
    const all = this.#pausing;
    return Promise.resolve(all.length === 0 ? undefined : Math.min(...all.map(({ until }) => until)));
  }

  async list(queue: string | undefined, limit: number): Promise<FailedItem[]> {
    const all = [...this.#items.values()].reverse();
    return Promise.resolve(all.filter((item) => queue === undefined || item.queue === queue).slice(0, limit));
  }

  /** What is done is pushed out in time. */
  async purge(): Promise<void> {
    return Promise.resolve();
  }

  get #pausing(): FailedItem[] {
    return [...this.#items.values()].filter(({ aside, lease }) => !aside && lease !== 0);
  }
}
