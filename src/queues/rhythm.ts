/** When things that are done now and then were done last. */
export class Rhythm {
  readonly #last = new Map<string, number>();

  /**
   * Whether a thing is due; then it counts as done.
   *
   * @param interval milliseconds between two times
   * @param atOnce whether the first time is now, or after one interval
   */
  isDue(name: string, interval: number, atOnce = true): boolean {
    const now = performance.now();
    const last = this.#last.get(name);
    if (last === undefined ? atOnce : now - last >= interval) {
      this.#last.set(name, now);
      return true;
    }
    if (last === undefined) {
      this.#last.set(name, now);
    }
    return false;
  }
}
