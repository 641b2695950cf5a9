import { setTimeout as pause } from 'node:timers/promises';

import type { ProcessStore } from '../store/process-store.js';
import { troubleOfCode } from '../store/database-health.js';
import { Backoff } from '../support/backoff.js';

/** Tries until that is given up; the locks expire by themselves. */
const attempts = 100;

/**
 * Removes the locks of a dead run; where the database cannot do it now, as soon as it can.
 *
 * Resolves after the first try. A site that keeps its locks elsewhere may lack their table:
 * then they expire by themselves.
 */
export async function freeLocks(store: ProcessStore, lock: string): Promise<void> {
  if (!(await removed(store, lock))) {
    void freeLater(store, lock);
  }
}

async function freeLater(store: ProcessStore, lock: string): Promise<void> {
  const backoff = new Backoff({ firstMs: 250, maxMs: 5_000 });
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    await pause(backoff.next(), undefined, { ref: false });
    if (await removed(store, lock)) return;
  }
}

/** False: it may work later. */
async function removed(store: ProcessStore, lock: string): Promise<boolean> {
  try {
    await store.removeLocks(lock);
    return true;
  } catch (error) {
    return troubleOfCode((error as { code?: string }).code ?? '') === undefined;
  }
}
