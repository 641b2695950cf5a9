import type { EventBus } from '../events/bus.js';
import { dispatchKey, type Dispatch } from './dispatch.js';
import type { RunEnd, RunTools } from './end-run.js';
import type { Resting } from './resting.js';
import type { RunRecord } from './run-record.js';
import type { Sharing } from './sharing.js';
import type { SettleLater } from './settle-later.js';
import { tellEnd, type EndListeners } from './tell-end.js';
import type { WaitingList } from './waiting-list.js';

/** Where a start may be that is not running. */
export interface Places {
  readonly bus: EventBus;
  readonly tools: RunTools & EndListeners;
  /** All that is in hand, by its key. */
  readonly known: Map<string, Dispatch>;
  readonly waiting: WaitingList;
  readonly resting: Resting;
  readonly unsettled: SettleLater;
  readonly sharing: () => Sharing;
}

/** Puts a start where it belongs after its run, or the attempt of one, has come to an end. */
export async function afterRun(record: RunRecord, end: RunEnd, places: Places): Promise<void> {
  const { bus, tools, known, waiting, resting, unsettled, sharing } = places;
  const { dispatch } = record;
  const { site, handle, callback } = dispatch;
  const about = { site: site.name, handle, callback };
  const forget = (): void => {
    known.delete(dispatchKey(dispatch));
    sharing().leaves(dispatch);
  };
  switch (end.type) {
    case 'ended':
      forget();
      tellEnd(tools, record, end.outcome);
      return;
    case 'retry':
      forget();
      tellEnd(tools, record, end.outcome);
      restBeforeRetry(dispatch, end.stamp, end.pause, places);
      return;
    case 'unsettled':
      tellEnd(tools, record, end.dead.outcome);
      // Its row, if it never ran, must not be found meanwhile.
      unsettled.add(site, end.dead, end.error, forget);
      return;
    case 'nothing':
      forget();
      bus.emit('run.dropped', { ...about, reason: end.reason });
      return;
    case 'held':
      await keepWaiting(dispatch);
      bus.emit('maintenance.held', about);
      sharing().leaves(dispatch);
      resting.hold.add(dispatch);
      return;
    case 'again':
      bus.emit('run.requeued', { ...about, reason: end.reason });
      await keepWaiting(dispatch);
      waiting.putBack(dispatch);
      return;
    case 'trouble':
      site.report(end.reason);
      await keepWaiting(dispatch);
      // Others may be well.
      if (sharing().returns(dispatch)) {
        known.delete(dispatchKey(dispatch));
      } else {
        waiting.putBack(dispatch);
      }
  }
}

/** Has a row wait, so that the site's clean-up leaves it alone; should the database not take it now, the sweep does it. */
export async function keepWaiting(dispatch: Dispatch): Promise<void> {
  await dispatch.site.store.markWaiting(dispatch.handle, dispatch.stamp).catch(() => undefined);
}

function restBeforeRetry(before: Dispatch, stamp: string, pause: number, { known, resting }: Places): void {
  const dispatch = resting.pause.next(before, stamp);
  known.set(dispatchKey(dispatch), dispatch);
  if (!resting.aside.takes(dispatch)) {
    resting.pause.add(dispatch, pause);
  }
}
