import type { Outcome } from './outcome.js';

/**
 * Holds the outcome of one run: the first cause wins, later ones are refused.
 *
 * A run that returned and is killed while it cleans up has completed; one that
 * is killed for its time limit has not "exited with code 143".
 */
export class FirstCause {
  #outcome: Outcome | undefined;

  /** Writes the outcome unless an earlier cause stands; the one that stands then. */
  write(outcome: Outcome): Outcome {
    this.#outcome ??= outcome;
    return this.#outcome;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }
}
