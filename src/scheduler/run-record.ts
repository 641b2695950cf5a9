import type { Isolation } from '../config/config.js';
import { FirstCause } from '../process/first-cause.js';
import { mayMove, type RunState } from '../process/states.js';
import type { WorkerExit } from '../workers/worker.js';
import type { Dispatch } from './dispatch.js';

/** One run while the daemon has it in hand: who, where, since when. */
export class RunRecord {
  readonly dispatch: Dispatch;
  readonly cause = new FirstCause();
  readonly dispatchedAt = Date.now();
  pid: number | undefined;
  /** Whether it has to boot for itself, because a warm worker was stale. */
  fresh = false;
  /** How its worker was made. */
  isolation: Isolation | undefined;
  claimedAt: number | undefined;
  /** How its worker ended; when the run did, and when it was claimed, by PHP's clock (seconds since 1970). */
  exit: { readonly seen: WorkerExit; readonly at: number; readonly claimed: number | undefined } | undefined;
  #state: RunState = 'starting';

  constructor(dispatch: Dispatch) {
    this.dispatch = dispatch;
  }

  get state(): RunState {
    return this.#state;
  }

  /** @throws Error for a move that the table of states does not know: a defect of ours. */
  move(to: RunState): void {
    if (to === this.#state) {
      return;
    }
    if (!mayMove(this.#state, to)) {
      throw new Error(`a run cannot go from ${this.#state} to ${to}`);
    }
    this.#state = to;
  }

  /** Milliseconds from acceptance to dispatch. */
  get waitedMs(): number {
    return this.dispatchedAt - this.dispatch.acceptedAt;
  }

  /** Milliseconds since the claim. */
  get ranMs(): number {
    return this.claimedAt === undefined ? 0 : Date.now() - this.claimedAt;
  }
}
