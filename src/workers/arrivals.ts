/** Time over which arrivals are counted, in milliseconds. */
const span = 1_000;

/** Parts of that time. */
const parts = 20;

/** How often something has come lately: on the whole, and at the worst moment. */
export class Arrivals {
  readonly #counts = new Array<number>(parts).fill(0);
  #slot = 0;

  /** @param now monotonic milliseconds */
  note(now: number): void {
    this.#advance(now);
    const index = this.#slot % parts;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** The most that came within one part of the last second. */
  peak(now: number): number {
    this.#advance(now);
    return Math.max(...this.#counts);
  }

  #advance(now: number): void {
    const slot = Math.floor(now / (span / parts));
    for (let passed = Math.min(slot - this.#slot, parts); passed > 0; passed -= 1) {
      this.#counts[(slot - passed + 1) % parts] = 0;
    }
    this.#slot = slot;
  }
}
