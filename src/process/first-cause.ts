import type { Outcome } from './outcome.js';

/**
 * Holds the outcome of one run: the first cause wins, later ones are refused.
 *
 * A run that returned and is killed while it cleans up has completed; one that
 * is killed for its time limit has not "exited with code 143".
 */
export class FirstCause {
  #outcome: Outcome | undefined;

  /** Writes the outcome; false when an earlier cause stands. */
  write(outcome: Outcome): boolean {
    if (this.#outcome) {
      return false;
    }
    this.#outcome = outcome;
    return true;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }
}
