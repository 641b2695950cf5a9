import type { Ending } from '../outcome/past-runs.js';
import type { ElsewhereStep } from '../process/item-step.js';
import { completed } from '../process/outcome.js';
import type { QueuedProcesses } from './queued-processes.js';

/** What becomes of processes whose items are kept elsewhere. */
export type ProcessKeeper = Pick<QueuedProcesses, 'ofHandle' | 'putBack' | 'end'>;

/**
 * What a worker has told of items that are not kept in the site's database. Nobody but itself can
 * return or remove one; here it is counted, and a process that an item stood for is seen to.
 */
export class ElsewhereItems {
  begun = 0;
  failed = 0;
  /** Why the last of them failed. */
  reason = '';
  #open: { readonly handle: string; end: 'ran' | 'exits' | undefined } | undefined;

  take(step: ElsewhereStep): void {
    if (step.what === 'begun') {
      this.begun += 1;
      this.#open = { handle: step.handle, end: undefined };
    } else if (step.what === 'failed') {
      this.#fail(step.reason);
      this.#open = undefined;
    } else if (this.#open) {
      this.#open.end = step.what;
    }
  }

  /** The worker is through, or has gone on to something else. */
  close(): void {
    this.#open = undefined;
  }

  /** Sees to what the worker has left behind. Throws what the database throws. */
  async over({ run }: Ending, keeper: ProcessKeeper): Promise<void> {
    const open = this.#open;
    if (!open) {
      return;
    }
    const row = open.handle === '' ? undefined : await keeper.ofHandle(open.handle);
    if (open.end === 'ran' || (open.end === 'exits' && open.handle !== '')) {
      const exited = open.end === 'exits' && run.outcome === 'exited';
      await keeper.end(row, exited ? { kind: 'exited', sentence: run.sentence } : completed);
    } else if (!row || !(await keeper.putBack(row))) {
      this.#fail(run.sentence || 'Its callback ended PHP by exit().');
    }
    this.#open = undefined;
  }

  #fail(reason: string): void {
    this.failed += 1;
    this.reason = reason;
  }
}
