import { rm } from 'node:fs/promises';

import type { RetryRule } from '../config/kinds.js';
import type { EventBus } from '../events/bus.js';
import type { LockKeeper } from '../outcome/lock-keeper.js';
import type { RunReport } from '../outcome/run-report.js';
import { settleDead, type Settled, type SettleTools, type Unsettled } from '../outcome/settle.js';
import { bootFailed, killedForMemory, lost, refused, signalled, type Outcome } from '../process/outcome.js';
import type { Ledger } from '../store/ledger.js';
import { bootReason } from '../workers/describe-site.js';
import { hookFile, processFile } from '../workers/jobs.js';
import type { OomCounter } from '../workers/oom-counter.js';
import type { BatchJob, TurnAnswer } from '../workers/protocol.js';
import type { WorkerExit } from '../workers/worker.js';
import type { Dispatch } from './dispatch.js';
import { outcomeNote } from './ledger-notes.js';
import type { RunRecord } from './run-record.js';
import { askForLateClaim, askForSilentClaim } from './silent-claim.js';
import { takenOver, wasTakenOver } from './taken-over.js';
import type { RunLimits } from './process-rules.js';
import type { ServedSite } from './served-site.js';

/** What the pipeline needs besides the run. */
export interface RunTools {
  readonly bus: EventBus;
  readonly ledger: Ledger;
  readonly locks: LockKeeper;
  /** Whether others wait for a slot. */
  readonly crowded: () => boolean;
  /** Milliseconds until a worker must have booted the site. */
  readonly bootTimeout: number;
  /** Milliseconds that a helper may take to settle. */
  readonly settleTimeout: number;
  /** Bytes. */
  readonly outputLimit: number;
  readonly oom: Pick<OomCounter, 'hasRisen'>;
  readonly retryOf: (dispatch: Dispatch) => RetryRule | undefined;
  readonly limitsOf: (dispatch: Dispatch) => RunLimits;
  /** How a batch is run. */
  readonly batchOf: (dispatch: Dispatch) => BatchJob;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly killGrace: number;
  /** A cron run asks for the hook of a module to be run by a process of its own. */
  readonly onTurn: (record: RunRecord, module: string, answer: (answer: TurnAnswer) => void) => void;
}

/** How the pipeline ended; everything but `ended` leaves the start unclaimed and as it was. */
export type RunEnd =
  | { readonly type: 'ended'; readonly outcome: Outcome }
  /** It ended badly, and is to begin again under this stamp after a pause in milliseconds. */
  | { readonly type: 'retry'; readonly outcome: Outcome; readonly stamp: string; readonly pause: number }
  /** Somebody else has it, or it no longer exists. */
  | { readonly type: 'nothing'; readonly reason: string }
  /** Waits for the end of the maintenance mode. */
  | { readonly type: 'held' }
  | { readonly type: 'again'; readonly reason: string }
  /** The site does not boot: nothing of it can run now. */
  | { readonly type: 'trouble'; readonly reason: string }
  /** It ran and ended, but cannot be settled before the database is back. */
  | { readonly type: 'unsettled'; readonly dead: Unsettled; readonly error: unknown };

/** Workers that may die before the claim until the start is given up. */
const attemptLimit = 3;

/** A warm worker has claimed nothing, because the site has changed since it was loaded. */
export interface Stale {
  readonly type: 'stale';
  readonly what: string;
}

/** What is left to do when a worker is gone, by what it had said. */
export function endOf(
  record: RunRecord,
  tools: RunTools,
  report: RunReport,
  exit: WorkerExit,
  endedAt: number,
): Promise<RunEnd | Stale> {
  if (report.claimed) {
    return settleClaimed(record, tools, report, exit, report.claimed.stamp, endedAt);
  }
  return report.stale === undefined
    ? endUnclaimed(record, tools, report, exit, endedAt)
    : Promise.resolve({ type: 'stale', what: report.stale });
}

/** A run that was claimed has ended: whatever its worker left undone is done now. */
async function settleClaimed(
  record: RunRecord,
  tools: RunTools,
  report: RunReport,
  exit: WorkerExit,
  stamp: string,
  endedAt: number,
): Promise<RunEnd> {
  const { dispatch } = record;
  const { site, handle, callback } = dispatch;
  const outcome = record.cause.write(await causeOf(record, tools, report, exit));
  if (record.state !== 'settling') {
    record.move('settling');
  }
  const lock = report.claimed?.lock ?? '';
  const untold = report.settled === undefined || report.settled.hook === 'deferred';
  const dead: Unsettled = {
    id: dispatch.id,
    uri: dispatch.uri,
    handle,
    callback,
    stamp,
    outcome,
    endedAt,
    hook: untold && report.hook === 'none' && (report.claimed?.listeners ?? 1) > 0,
    // A row that is gone although nobody of ours has written down its process was
    // removed by somebody else, who has told the hook.
    processFile: processFile(site.place, dispatch.id),
    lock: lock === '' ? undefined : lock,
  };
  if (!report.isSettled) {
    // Should this daemon die now, the next one need not guess.
    tools.ledger.note(dispatch.id, outcomeNote(outcome, endedAt));
    await endSessions(record, report);
  }
  try {
    const again = report.isSettled ? undefined : await requeue(record, tools, outcome, stamp);
    if (again) {
      if (dead.lock) {
        await tools.locks.free(site, dead.lock);
      }
      return { type: 'retry', outcome, ...again };
    }
    const exitKind = report.ended?.kind === 'exit';
    const silent = exitKind && outcome.kind !== 'completed';
    if (!report.isSettled || silent) {
      const settled = await settleDead(settleTools(tools, site), dead);
      // What its worker began is not begun again, and nobody has seen it done.
      const hook = settled.hook === 'none' && report.hook === 'begun' ? 'interrupted' : settled.hook;
      tellSettled(tools, record, outcome, { ...settled, hook });
      return { type: 'ended', outcome };
    }
    if (exitKind) {
      await site.store.endProgress(handle, endedAt, '', callback);
    }
    if (await site.store.get(handle, stamp)) {
      // The worker said that it had settled, but what it did was undone when its
      // open transaction ended with it. The row goes last: should this break off, it is found again.
      await settleDead(settleTools(tools, site), { ...dead, hook: false, processFile: undefined });
    } else if (dead.lock && (report.done === undefined || report.done.locks === 'kept')) {
      await tools.locks.free(site, dead.lock);
    }
  } catch (error) {
    return { type: 'unsettled', dead, error };
  }
  return { type: 'ended', outcome };
}

/** Puts a run to wait again when its rule says so: its row stays, its hook is not told. */
async function requeue(
  record: RunRecord,
  tools: RunTools,
  outcome: Outcome,
  stamp: string,
): Promise<{ stamp: string; pause: number } | undefined> {
  const { site, handle, tries } = record.dispatch;
  const rule = tools.retryOf(record.dispatch);
  if (!rule || record.claimStamp === undefined || tries + 1 >= rule.attempts || !rule.on.has(outcome.kind)) {
    return undefined;
  }
  const fresh = await site.store.requeue(handle, stamp);
  return fresh === undefined ? undefined : { stamp: fresh, pause: rule.pause * 2 ** tries };
}

/** Settles a start that has never run. */
export async function dropWaiting(dispatch: Dispatch, outcome: Outcome, tools: RunTools): Promise<RunEnd> {
  const { site, id, uri, handle, callback, stamp } = dispatch;
  if (await wasTakenOver(dispatch)) {
    return takenOver;
  }
  const endedAt = Date.now() / 1000;
  const dead: Unsettled = { id, uri, handle, callback, stamp, outcome, endedAt, hook: true };
  try {
    const settled = await settleDead(settleTools(tools, site), dead);
    await rm(hookFile(site.place, id), { force: true });
    tools.bus.emit('run.settled', { site: site.name, handle, callback, outcome: outcome.kind, ...settled });
    return { type: 'ended', outcome };
  } catch (error) {
    return { type: 'unsettled', dead, error };
  }
}

/** Whoever stopped a run is the cause of its end, unless it had come to its end by itself. */
async function causeOf(record: RunRecord, tools: RunTools, report: RunReport, exit: WorkerExit): Promise<Outcome> {
  // One that answers SIGTERM by exit(0) has not come to its end by itself.
  if (record.stopped && report.ended?.kind !== 'completed') {
    return record.stopped;
  }
  if (!report.ended && exit.signal === 'SIGKILL' && (await tools.oom.hasRisen())) {
    return killedForMemory(record.dispatch.callback);
  }
  return report.outcome(exit, record.dispatch.callback);
}

/** A server that still works on the statement of a dead client would hold its locks until that is done. */
async function endSessions(record: RunRecord, report: RunReport): Promise<void> {
  if (report.claimed && !report.done) {
    await record.dispatch.site.store.endSessions(report.claimed.connections, record.ranMs).catch(() => undefined);
  }
}

/** What settling a run of this site needs. */
export function settleTools(tools: Pick<RunTools, 'bus' | 'locks' | 'settleTimeout'>, site: ServedSite): SettleTools {
  const { bus, locks, settleTimeout: timeout } = tools;
  const { source, place, store, core } = site;
  return { bus, source, place, store, core, timeout, freeLocks: (lock) => locks.free(site, lock) };
}

function tellSettled(tools: RunTools, record: RunRecord, outcome: Outcome, settled: Settled): void {
  const { site, handle, callback } = record.dispatch;
  tools.bus.emit('run.settled', { site: site.name, handle, callback, outcome: outcome.kind, ...settled });
}

/** Nothing was claimed: tells a start that cannot run from one that may be tried again. */
async function endUnclaimed(
  record: RunRecord,
  tools: RunTools,
  report: RunReport,
  exit: WorkerExit,
  endedAt: number,
): Promise<RunEnd> {
  const { dispatch } = record;
  const { site, callback } = dispatch;
  if (report.unclaimed) {
    const late = await askForLateClaim(dispatch);
    if (late) {
      return settleClaimed(withCause(record, late.cause), tools, report, exit, late.stamp, endedAt);
    }
    return (await wasTakenOver(dispatch)) ? takenOver : { type: 'nothing', reason: 'somebody else has claimed it' };
  }
  if (record.stopped && !(await wasTakenOver(dispatch))) {
    // It may have been killed between its claim and the word of it.
    const stamp = (await askForSilentClaim(record, report.sessions)) ?? dispatch.stamp;
    return settleClaimed(withCause(record, record.stopped), tools, report, exit, stamp, endedAt);
  }
  if (report.postponed) {
    return { type: 'held' };
  }
  if (await wasTakenOver(dispatch)) {
    return takenOver;
  }
  if (report.refused) {
    const { reason, sentence } = report.refused;
    return reason === 'gone' || reason === 'token'
      ? { type: 'nothing', reason: sentence }
      : settleClaimed(withCause(record, refused(sentence)), tools, report, exit, dispatch.stamp, endedAt);
  }
  // A claim of which the database's answer was lost is told as a failure of the claim.
  if (!report.bootFailure || report.bootFailure.cause === 'claim') {
    const claim = await askForSilentClaim(record, report.sessions);
    if (claim !== undefined) {
      return settleClaimed(record, tools, report, exit, claim, endedAt);
    }
  }
  const cause = unclaimedCause(report, exit, callback);
  if (!report.bootFailure) {
    dispatch.doubt = { from: dispatch.doubt?.from ?? record.dispatchedAt, until: Date.now(), cause };
  }
  const trouble = await site.check();
  if (trouble !== undefined) {
    return { type: 'trouble', reason: trouble };
  }
  if (report.bootFailure?.database === true) {
    // The site is well again: a session that was ended, or the last connection. Not for ever without a pause.
    dispatch.hindered += 1;
    return { type: dispatch.hindered < attemptLimit ? 'again' : 'trouble', reason: cause.sentence };
  }
  if (report.bootFailure?.cause !== 'exit') {
    dispatch.attempts += 1;
    if (dispatch.attempts < attemptLimit) {
      return { type: 'again', reason: cause.sentence };
    }
  }
  return settleClaimed(withCause(record, cause), tools, report, exit, dispatch.stamp, endedAt);
}

function withCause(record: RunRecord, outcome: Outcome): RunRecord {
  record.cause.write(outcome);
  return record;
}

function unclaimedCause(report: RunReport, exit: WorkerExit, callback: string): Outcome {
  if (report.bootFailure) {
    return bootFailed(`The process was not started, because ${bootReason(report.bootFailure)}.`);
  }
  return exit.signal === undefined ? lost(callback, 'it ended before it began') : signalled(exit.signal, callback);
}
