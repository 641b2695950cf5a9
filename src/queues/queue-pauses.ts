/** Milliseconds after which a queue is looked at again that had nothing, at first and at most. */
const shortest = 500;
const longest = 30_000;

/** Queues whose last worker found nothing to do, although there seemed to be something. */
export class QueuePauses {
  readonly #held = new Map<string, { readonly times: number; readonly until: number }>();

  /** A worker of a queue is over. */
  over(queue: string, worked: boolean): void {
    if (worked) {
      this.#held.delete(queue);
      return;
    }
    const times = (this.#held.get(queue)?.times ?? 0) + 1;
    const pause = Math.min(longest, shortest * 2 ** (times - 1));
    this.#held.set(queue, { times, until: performance.now() + pause });
  }

  /** Whether it is not looked at now. */
  holds(queue: string): boolean {
    return (this.#held.get(queue)?.until ?? 0) > performance.now();
  }
}
