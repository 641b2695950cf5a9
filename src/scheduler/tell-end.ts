import type { EventBus } from '../events/bus.js';
import type { CrashBook } from '../outcome/crash-book.js';
import type { Ending } from '../outcome/past-runs.js';
import { isCronOne } from '../process/cron-one.js';
import type { Outcome } from '../process/outcome.js';
import { hasOwnRules } from '../process/own-callback.js';
import { endingOf } from './ending-of.js';
import type { RunRecord } from './run-record.js';
import { ultimateVersion } from './ultimate-version.js';

/** Who is told of the end of a run. */
export interface EndListeners {
  readonly bus: EventBus;
  readonly crashes: CrashBook;
  readonly onEnd: (ending: Ending) => void;
}

/** Tells what a run came to. */
export function tellEnd({ bus, crashes, onEnd }: EndListeners, record: RunRecord, outcome: Outcome): void {
  const { site, handle, callback } = record.dispatch;
  // Cron goes on after the module that it died in: setting it aside would stop all of them. A job runs again at its
  // time, and a batch stops by rules of its own.
  if (!hasOwnRules(callback) && !(isCronOne(callback) && ultimateVersion(site) === 1)) {
    crashes.note(site.name, handle, outcome);
  }
  onEnd(endingOf(record, outcome));
  bus.emit('run.ended', {
    site: site.name,
    handle,
    callback,
    outcome: outcome.kind,
    ...(record.pid === undefined ? {} : { pid: record.pid }),
    ...(outcome.sentence === '' ? {} : { sentence: outcome.sentence }),
    ranMs: record.ranMs,
    waitedMs: record.waitedMs,
  });
}
