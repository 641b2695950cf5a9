import type { ServedSite } from '../scheduler/served-site.js';
import type { BatchProgress } from '../store/batch-table.js';
import type { AdoptedBatch } from './adoption.js';

/** How far a batch is, and who has begun it where the batch itself does not say so. */
export interface OpenBatch extends BatchProgress {
  readonly uid?: number;
}

/** The progress of a batch that has none yet. */
const none: Omit<BatchProgress, 'bid' | 'begun'> = { share: 0, message: '', told: 0, ended: false };

/** The name of the process of a batch. */
export function handleOfBatch(bid: number): string {
  return `background_batch:${bid}`;
}

/** The name of the process that finishes it. */
export function handleOfFinish(bid: number): string {
  return `drupald_batch:${bid}`;
}

/** Those of some batches that have a process. Throws what the database throws. */
export async function withProcess(site: ServedSite, bids: readonly number[]): Promise<Set<number>> {
  const handles = bids.flatMap((bid) => [handleOfBatch(bid), handleOfFinish(bid)]);
  const rows = handles.length === 0 ? [] : await site.store.find(handles);
  const found = new Set(rows.map(({ handle }) => handle));
  return new Set(bids.filter((bid) => found.has(handleOfBatch(bid)) || found.has(handleOfFinish(bid))));
}

/** Batches of the module background_batch that have not come to their end. Throws what the database throws. */
export async function openOfModule(site: ServedSite): Promise<readonly OpenBatch[]> {
  const found = await site.batches.progress();
  const there = await site.batches.existing(found.map(({ bid }) => bid));
  return found.filter(({ bid }) => there.has(bid));
}

/** Those of Drupal's own Batch API that we have in hand. Throws what the database throws. */
export async function openAdopted(site: ServedSite, adopted: readonly AdoptedBatch[]): Promise<readonly OpenBatch[]> {
  if (adopted.length === 0) return [];
  const progress = new Map((await site.batches.progress(true)).map((one) => [one.bid, one]));
  return adopted.map(({ bid, uid, created }) => ({ ...none, begun: created, ...progress.get(bid), bid, uid }));
}
