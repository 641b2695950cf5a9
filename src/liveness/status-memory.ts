import type { Verdict } from './status-verdict.js';

/** What is remembered of one row under one stamp. */
export interface Remembered {
  /** Sweeps in a row that found it gone. */
  goneInARow: number;
  /** Whether this sweep says something else than the one before. */
  changed: boolean;
  differenceTold: boolean;
}

/** What the sweeps have found, row by row. It forgets a row that a whole sweep has not met. */
export class StatusMemory {
  readonly #known = new Map<string, Remembered & Verdict>();
  readonly #met = new Set<string>();

  /** A sweep begins. */
  begin(): void {
    this.#met.clear();
  }

  /** @param key names site, row and stamp: another stamp is another run, and counts anew */
  note(key: string, verdict: Verdict): Remembered {
    this.#met.add(key);
    const before = this.#known.get(key);
    const now = {
      ...verdict,
      goneInARow: verdict.verdict === 'gone' ? (before?.goneInARow ?? 0) + 1 : 0,
      changed: before?.verdict !== verdict.verdict || before.evidence !== verdict.evidence,
      differenceTold: before?.differenceTold ?? false,
    };
    this.#known.set(key, now);
    return now;
  }

  /** The sweep is over. */
  end(): void {
    for (const key of this.#known.keys()) {
      if (!this.#met.has(key)) {
        this.#known.delete(key);
      }
    }
  }
}
