import type { EventBus } from '../events/bus.js';
import { noContext } from '../sites/request.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { LedgerEntry } from '../store/ledger.js';

/** What the next daemon does with the runs that the last one had in hand (design decision 5). */
export interface Recovered {
  /** Runs that are in hand again, alive or to be settled. */
  readonly taken: number;
  /** Runs of sites that this daemon does not serve: the next that does will see to them. */
  readonly foreign: number;
}

/**
 * Takes the runs of the last daemon in hand: those that live are watched, those that
 * are dead are settled with their cause, and none that was claimed runs again.
 *
 * To be called before starts are taken: their rows are known then.
 */
export async function recover(
  entries: readonly LedgerEntry[],
  sites: readonly ServedSite[],
  scheduler: Scheduler,
  bus: EventBus,
): Promise<Recovered> {
  let taken = 0;
  for (const entry of entries) {
    const { run } = entry;
    const site = sites.find(({ name }) => name === run.site);
    const uri = site?.uris.find(({ url }) => url === run.uri) ?? site?.uris[0];
    if (!site || !uri) {
      continue;
    }
    const row = await site.store.get(run.handle, run.stamp).catch(() => undefined);
    const dispatch: Dispatch = {
      id: run.id,
      site,
      uri,
      handle: run.handle,
      // Needed only to begin it again, which its row allows as long as it is there.
      token: row?.token ?? '',
      stamp: run.stamp,
      callback: run.callback,
      uid: run.uid,
      serviceHost: run.serviceHost,
      asked: undefined,
      context: noContext,
      acceptedAt: run.acceptedAt,
      arrivedAt: performance.now(),
      order: -1,
      attempts: run.attempts,
      hindered: 0,
      doubt: undefined,
      tries: run.tries,
    };
    scheduler.resume(dispatch, entry);
    taken += 1;
  }
  if (entries.length > 0) {
    bus.emit('runs.recovered', { count: taken, foreign: entries.length - taken });
  }
  return { taken, foreign: entries.length - taken };
}
