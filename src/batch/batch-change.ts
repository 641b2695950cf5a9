import { setTimeout as pause } from 'node:timers/promises';

import type { EventBus } from '../events/bus.js';
import { fail } from '../errors.js';
import { lockedCallback } from '../process/callback-name.js';
import { cancelled, type Outcome } from '../process/outcome.js';
import { errandPlace } from '../scheduler/errand-place.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { changeBatch } from '../workers/change-batch.js';
import { findBatch, type BatchChoice } from './batch-view.js';
import type { Batches } from './batches.js';
import { handleOfBatch } from './open-batches.js';

/** Times that it is tried to end the process of a batch, which a page may start again, and milliseconds between them. */
const patience = 200;
const lookInterval = 50;

/** What a change of a batch needs. */
export interface BatchChangeTools {
  readonly batches: Batches;
  readonly bus: EventBus;
  /** Ends a process that runs or waits here; resolves when it is dead. */
  readonly stop: (site: ServedSite, handle: string, cause: (callback: string) => Outcome) => Promise<void>;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Which batch is to end, and why. */
export interface BatchCancel extends BatchChoice {
  readonly reason?: string | undefined;
}

/** What was changed. */
export interface BatchChanged {
  readonly site: string;
  readonly batch: number;
}

/**
 * Ends a batch before it is done: its page goes to its end, whose callbacks are told that it did not succeed.
 *
 * @throws DrupaldError BATCH_UNKNOWN, BATCH_AMBIGUOUS, BATCH_UNCHANGED
 */
export async function cancelBatch(tools: BatchChangeTools, wish: BatchCancel): Promise<BatchChanged> {
  const { site, its } = await findBatch(tools.batches, wish);
  if ((await its.inBrowsers())(wish.batch)) {
    throw fail('BATCH_UNCHANGED', { batch: String(wish.batch), reason: 'only its browser has it in hand' });
  }
  const cause = (callback: string): Outcome =>
    cancelled(callback, 'an administrator (drupald batch cancel)', wish.reason);
  const reason = wish.reason === undefined ? '' : ` (${wish.reason})`;
  const text = `The batch was cancelled by an administrator before it was done${reason}.`;
  await change(tools, site, wish.batch, { action: 'cancel', text }, (handle) => tools.stop(site, handle, cause));
  return { site: site.name, batch: wish.batch };
}

/**
 * Lets a batch go on that was stopped or cancelled, or that failed.
 *
 * @throws DrupaldError BATCH_UNKNOWN, BATCH_AMBIGUOUS, BATCH_UNCHANGED
 */
export async function resumeBatch(tools: BatchChangeTools, wish: BatchChoice): Promise<BatchChanged> {
  const { site, its } = await findBatch(tools.batches, wish);
  if ((await its.inBrowsers())(wish.batch)) {
    // It is looked at anew whether its browser has left it.
    its.release(wish.batch);
    return { site: site.name, batch: wish.batch };
  }
  await change(tools, site, wish.batch, { action: 'resume', text: '' }, () =>
    Promise.reject(fail('BATCH_UNCHANGED', { batch: String(wish.batch), reason: 'its process runs or waits' })),
  );
  its.release(wish.batch);
  tools.batches.now();
  return { site: site.name, batch: wish.batch };
}

/** @param busy called while there is a process of it */
async function change(
  { bus, timeout }: BatchChangeTools,
  site: ServedSite,
  bid: number,
  wish: { readonly action: 'cancel' | 'resume'; readonly text: string },
  busy: (handle: string) => Promise<unknown>,
): Promise<void> {
  const handle = handleOfBatch(bid);
  // The row of its process is the lock: while it is ours, no page starts another one.
  const lock = { handle, callback: lockedCallback, serviceHost: '', token: '' };
  let row = await site.store.create(lock, []);
  for (let tries = 0; !row && tries < patience; tries += 1) {
    await busy(handle);
    // Its row goes a moment after its worker.
    await pause(lookInterval);
    row = await site.store.create(lock, []);
  }
  if (!row) {
    throw fail('BATCH_UNCHANGED', { batch: String(bid), reason: 'its process does not end' });
  }
  try {
    const result = await changeBatch(errandPlace(site, bus, timeout), { ...wish, bid });
    if (result !== 'changed') {
      throw fail('BATCH_UNCHANGED', { batch: String(bid), reason: reasons[result] });
    }
  } finally {
    await site.store.remove(row.handle, row.stamp);
  }
}

const reasons = {
  gone: 'it is gone',
  done: 'it is done, and waits for its end',
  stopped: 'it was stopped before',
  finished: 'it has come to its end',
} as const;
