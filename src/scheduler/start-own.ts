import type { StartTaker } from '../intake/accept-start.js';
import type { Serialized } from '../process/serialized.js';
import { newToken } from '../process/token.js';
import { noContext } from '../sites/request.js';
import { sumOf } from './ownership.js';
import type { ServedSite } from './served-site.js';

/** A process of our own. */
export interface OwnProcess {
  readonly handle: string;
  /** One of those that only our workers know, or that of a batch. */
  readonly callback: string;
  /** Name of a service host that this daemon serves; empty: there is none. */
  readonly serviceHost: string;
  /** Drupal's number of its owner; nobody unless told. */
  readonly uid?: number;
}

/** What became of the wish to start a process of our own. */
export type OwnStart = 'started' | 'there' | 'full' | 'stopping';

/** Why it was not started, in words; undefined: it was. */
export function whyNot(start: OwnStart, handle: string): string | undefined {
  switch (start) {
    case 'started':
      return undefined;
    case 'there':
      return `there is a process ${handle} already`;
    case 'full':
      return 'too many starts wait';
    case 'stopping':
      return 'the daemon is stopping';
  }
}

/**
 * Makes the row of a process of our own and sends it through the door of all starts.
 *
 * @returns `there`: there is a process of this handle already; `full`, `stopping`: nothing is left of it
 * @throws what the database throws
 */
export async function startOwn(
  taker: StartTaker<ServedSite>,
  site: ServedSite,
  process: OwnProcess,
  args: readonly unknown[] | Serialized,
): Promise<OwnStart> {
  const row = await site.store.create({ ...process, token: newToken() }, args);
  if (!row) {
    return 'there';
  }
  try {
    await site.ownership.take(row.handle, sumOf(row.token));
  } catch (error) {
    await site.store.remove(row.handle, row.stamp).catch(() => false);
    throw error;
  }
  const start = { target: site, uri: site.uris[0], row, context: noContext, arrivedAt: performance.now() };
  const offer = await taker.offer(start);
  if (offer === 'full' || offer === 'stopping') {
    await site.store.remove(row.handle, row.stamp);
    return offer;
  }
  return 'started';
}
