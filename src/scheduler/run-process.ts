import { rm, unlink } from 'node:fs/promises';

import { isCronOne } from '../process/cron-one.js';
import { identifyNow } from '../process/identity.js';
import type { OutcomeKind } from '../process/outcome.js';
import { isOwnProcess } from '../process/own-callback.js';
import { closeLog, cutLog } from '../outcome/run-log.js';
import { RunReport } from '../outcome/run-report.js';
import { hookFile, logFile, processFile, runJob, spoolFile, type JobPlace } from '../workers/jobs.js';
import { runMessage } from '../workers/protocol.js';
import { talk } from '../workers/talk.js';
import type { TakenWorker } from '../workers/site-workers.js';
import type { WorkerExit } from '../workers/worker.js';
import { endOf, type RunEnd, type RunTools, type Stale } from './end-run.js';
import type { Dispatch } from './dispatch.js';
import { endingOf } from './ending-of.js';
import { isKept, stepNote, stopNote } from './ledger-notes.js';
import { sumOf } from './ownership.js';
import type { RunRecord } from './run-record.js';
import { ultimateVersion } from './ultimate-version.js';
import { watchLimits } from './watch-limits.js';

/** Milliseconds between two looks at the size of a run's log. */
const logInterval = 500;

/**
 * The pipeline of one run: worker → job → claim → callback → end → settle.
 *
 * A run that was not claimed may be tried again; a claimed one never is
 * (design decision 7).
 */
export async function runProcess(record: RunRecord, tools: RunTools): Promise<RunEnd> {
  for (;;) {
    const end = await attempt(record, tools);
    if (end.type !== 'stale') {
      return end;
    }
    record.dispatch.site.workers.stale(record.dispatch.uri, end.what);
    record.fresh = true;
  }
}

async function attempt(record: RunRecord, tools: RunTools): Promise<RunEnd | Stale> {
  const { dispatch } = record;
  const { site } = dispatch;
  const report = new RunReport();
  const retryOn = retryKinds(dispatch, tools);
  const logLimit = logLimitOf(dispatch, tools);
  const gate = isCronOne(dispatch.callback) && ultimateVersion(site) === 1;
  const job = runJob({ ...site.place, logLimit }, dispatch.uri, {
    ...dispatch,
    retryOn,
    gate,
    batch: tools.batchOf(dispatch),
  });
  let taken: TakenWorker;
  try {
    taken = await site.workers.take({ ...dispatch, job, crowded: tools.crowded(), fresh: record.fresh });
  } catch (error) {
    return { type: 'trouble', reason: error instanceof Error ? error.message : String(error) };
  }
  const { worker } = taken;
  record.take(worker, taken.isolation);
  if (record.stopped) {
    worker.kill('SIGKILL');
  }
  tools.ledger.begin(record.note(identifyNow(worker.pid)));
  record.onStop = (cause) => tools.ledger.note(record.dispatch.id, stopNote(cause));
  record.onStep = (name) => tools.ledger.note(record.dispatch.id, stepNote(name));
  const exit = await performJob(record, tools, taken, report);
  if (!report.claimed) {
    taken.begun?.();
  }
  const endedAt = record.ownUntil ?? record.endedAt(report.endedAt);
  record.exit = {
    seen: { ...exit, peakKb: exit.peakKb ?? report.done?.peakKb ?? undefined },
    at: endedAt,
  };
  if (exit.stays && record.stopped) {
    // Signals for this run are on their way to it: they must not meet another one.
    worker.connection.close();
  } else if (exit.stays) {
    taken.giveBack?.({ files: report.done?.files ?? [], reads: report.done?.reads ?? [] });
  }
  return finish(record, tools, report, await endOf(record, tools, report, exit, endedAt));
}

/** Ends after which a run may begin again: none when this is its last try. */
function retryKinds(dispatch: Dispatch, tools: RunTools): OutcomeKind[] {
  const rule = tools.retryOf(dispatch);
  return rule && dispatch.tries + 1 < rule.attempts ? [...rule.on] : [];
}

/** Bytes that a log may have: as many as the run may print, where that is limited. */
function logLimitOf(dispatch: Dispatch, tools: RunTools): number {
  return tools.limitsOf(dispatch).output ?? tools.outputLimit;
}

/** Removes what nobody needs any more of a run that is over, or is to be tried again. */
export async function finish<E extends RunEnd | Stale>(
  record: RunRecord,
  tools: RunTools,
  report: RunReport,
  end: E,
): Promise<E> {
  const { dispatch } = record;
  const { id, site } = dispatch;
  if (end.type === 'unsettled') {
    // Everything is needed when the database is back.
    return end;
  }
  if (end.type === 'ended' || end.type === 'retry') {
    // The history is written behind the runs: should this daemon die before, the next one does.
    tools.ledger.ended(endingOf(record, end.outcome));
  }
  const { handle, stamp, tries } = record.dispatch;
  if (end.type === 'retry') {
    tools.ledger.again({ site: site.name, handle, stamp: end.stamp, tries: tries + 1 });
  } else if (tries > 0 && end.type !== 'ended' && end.type !== 'nothing') {
    tools.ledger.again({ site: site.name, handle, stamp, tries });
  }
  tools.ledger.over(id);
  if (['ended', 'retry', 'nothing'].includes(end.type)) {
    // A worker writes down each of its steps, and what a hook needs.
    if ((report.claimed?.listeners ?? 1) > 0 || record.steps.length > 0) {
      await removeNotes(site.place, id);
    }
  }
  if (end.type === 'ended' || end.type === 'retry') {
    // A full disk costs the last line of the log, not the end of the run.
    await closeLog(logFile(site.place, id), logLimitOf(dispatch, tools), end.outcome).catch(() => undefined);
  } else {
    await rm(logFile(site.place, id), { force: true });
  }
  return end;
}

/** Removes what workers have written down of a run; not before the ledger has closed it. */
export async function removeNotes(place: JobPlace, id: string): Promise<void> {
  await Promise.all([processFile, hookFile, spoolFile].map((file) => unlink(file(place, id)).catch(() => undefined)));
}

async function performJob(
  record: RunRecord,
  tools: RunTools,
  { worker, job, begun }: TakenWorker,
  report: RunReport,
): Promise<WorkerExit> {
  const { dispatch } = record;
  const { site, handle, callback } = dispatch;
  const about = { site: site.name, handle, callback, pid: worker.pid };
  tools.bus.emit('run.dispatched', { ...about, waitedMs: record.waitedMs, isolation: record.isolation });
  const bootTimer = setTimeout(() => {
    report.bootFailure = {
      type: 'boot-failed',
      cause: 'fatal',
      message: `the site took longer than ${tools.bootTimeout / 1000} s to boot`,
    };
    worker.kill('SIGKILL');
  }, tools.bootTimeout);
  const log = logFile(site.place, dispatch.id);
  const logLimit = logLimitOf(dispatch, tools);
  const logTimer = setInterval(() => void cutLog(log, logLimit).catch(() => undefined), logInterval);
  let unwatch = (): void => undefined;
  const exit = await talk(worker, job, runMessage, tools.bus, (message) => {
    report.apply(message);
    if (isKept(message)) {
      tools.ledger.note(dispatch.id, message);
    }
    record.follow(message);
    if (message.type === 'booted') {
      clearTimeout(bootTimer);
    } else if (message.type === 'claimed') {
      tools.bus.emit('run.claimed', about);
      if (isOwnProcess(dispatch)) {
        // Should the database not take it now, the next look does it.
        site.ownership.take(handle, sumOf(dispatch.token), message.lock).catch(() => undefined);
      }
      unwatch = watchLimits(record, tools.limitsOf(dispatch), tools.killGrace, tools.bus);
      begun?.();
    } else if (message.type === 'turn') {
      tools.onTurn(record, message.module, (answer) => worker.connection.send(answer));
    } else if (message.type === 'leaked') {
      const banned = site.workers.leaked(callback);
      tools.bus.emit('run.leaked', { ...about, what: message.what, banned });
    } else if (message.type === 'unsettled') {
      tools.bus.emit('settle.postponed', { ...about, reason: `its worker could not (${message.message})` });
    }
  });
  if (exit.stays) {
    // From now on nobody may stop it: its worker is for others.
    record.move('settling');
  }
  record.left.resolve();
  unwatch();
  clearTimeout(bootTimer);
  clearInterval(logTimer);
  return exit;
}
