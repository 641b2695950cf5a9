/** Failures that are answered at once. */
const free = 5;

/** Milliseconds after which failures are forgotten. */
const memory = 60_000;

/** Names that are remembered at most; beyond, the oldest are forgotten. */
const limit = 10_000;

/** Longest delay in milliseconds. */
const longest = 2_000;

/** Slows answers to wrong tokens, per handle and per address, so that guessing is hopeless. */
export class FailureBrake {
  readonly #failures = new Map<string, { count: number; at: number }>();

  /** Notes a failure under each name; how many milliseconds its answer should wait. */
  note(names: readonly string[], now = performance.now()): number {
    return Math.max(0, ...names.map((name) => this.#note(name, now)));
  }

  #note(name: string, now: number): number {
    const known = this.#failures.get(name);
    const count = known && now - known.at < memory ? known.count + 1 : 1;
    // Deleted first, so that the map stays in the order of the last failure.
    this.#failures.delete(name);
    this.#failures.set(name, { count, at: now });
    if (this.#failures.size > limit) {
      const oldest = this.#failures.keys().next();
      if (!oldest.done) {
        this.#failures.delete(oldest.value);
      }
    }
    return count <= free ? 0 : Math.min(longest, 50 * 2 ** Math.min(count - free, 10));
  }
}
