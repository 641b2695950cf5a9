import type { PastRun, RunFilter } from '../process/ended-run.js';
import { matches } from '../support/pattern.js';

/** Whether a past run is among those that are asked for. */
export function isWanted(run: PastRun, filter: RunFilter): boolean {
  return (
    (filter.handle === undefined || run.handle === filter.handle) &&
    (filter.callback === undefined || matches(filter.callback, run.callback)) &&
    (filter.outcomes === undefined || filter.outcomes.includes(run.outcome)) &&
    (filter.since === undefined || run.ended >= filter.since)
  );
}

/** The runs that are wanted, newest first, each once. */
export function newestFirst(runs: readonly PastRun[], filter: RunFilter): PastRun[] {
  const known = new Set<string>();
  return runs
    .filter((run) => isWanted(run, filter))
    .sort((a, b) => b.ended - a.ended)
    .filter(({ id }) => !known.has(id) && known.add(id))
    .slice(0, filter.limit)
    .map((run) => (filter.output === true ? run : { ...run, output: undefined }));
}

/** The history of a site whose database may not keep it: the newest runs, until the daemon stops. */
export class MemoryHistory {
  readonly #maxCount: number;
  readonly #maxAge: number;
  #runs: PastRun[] = [];

  /**
   * @param maxCount runs
   * @param maxAge milliseconds
   */
  constructor(maxCount: number, maxAge: number) {
    this.#maxCount = maxCount;
    this.#maxAge = maxAge;
  }

  /** Always takes them. */
  add(runs: readonly PastRun[]): true {
    this.#runs.push(...runs);
    this.prune();
    return true;
  }

  /** Past runs, newest first. */
  find(filter: RunFilter): PastRun[] {
    this.prune();
    return newestFirst(this.#runs, filter);
  }

  /** Forgets what is too old or too much. */
  prune(now = Date.now()): void {
    const oldest = (now - this.#maxAge) / 1000;
    this.#runs = this.#runs.filter(({ ended }) => ended >= oldest);
    this.#runs.splice(0, Math.max(0, this.#runs.length - this.#maxCount));
  }
}
