import { rm, unlink } from 'node:fs/promises';

import type { EventBus } from '../events/bus.js';
import { closeLog, cutLog } from '../outcome/run-log.js';
import { RunReport } from '../outcome/run-report.js';
import { settleDead, type Settled, type SettleTools, type Unsettled } from '../outcome/settle.js';
import { bootFailed, lost, refused, signalled, type Outcome } from '../process/outcome.js';
import { execStatus } from '../process/states.js';
import { bootReason } from '../workers/describe-site.js';
import { logFile, processFile, runJob } from '../workers/jobs.js';
import { runMessage, type RunMessage } from '../workers/protocol.js';
import { talk } from '../workers/talk.js';
import type { TakenWorker } from '../workers/site-workers.js';
import type { WorkerExit } from '../workers/worker.js';
import type { RunRecord } from './run-record.js';
import type { ServedSite } from './served-site.js';

/** What the pipeline needs besides the run. */
export interface RunTools {
  readonly bus: EventBus;
  /** Whether others wait for a slot. */
  readonly crowded: () => boolean;
  /** Milliseconds until a worker must have booted the site. */
  readonly bootTimeout: number;
  /** Milliseconds that a helper may take to settle. */
  readonly settleTimeout: number;
  /** Bytes. */
  readonly outputLimit: number;
}

/** How the pipeline ended; everything but `ended` leaves the start unclaimed and as it was. */
export type RunEnd =
  | { readonly type: 'ended'; readonly outcome: Outcome }
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

/** A warm worker has claimed nothing, because the site has changed since it was loaded. */
interface Stale {
  readonly type: 'stale';
  readonly what: string;
}

async function attempt(record: RunRecord, tools: RunTools): Promise<RunEnd | Stale> {
  const { dispatch } = record;
  const { site } = dispatch;
  const report = new RunReport();
  const job = runJob(site.place, dispatch.uri, dispatch);
  let taken: TakenWorker;
  try {
    taken = await site.workers.take({ ...dispatch, job, crowded: tools.crowded(), fresh: record.fresh });
  } catch (error) {
    return { type: 'trouble', reason: error instanceof Error ? error.message : String(error) };
  }
  const { worker } = taken;
  record.pid = worker.pid;
  record.isolation = taken.isolation;
  const exit = await performJob(record, tools, taken, report);
  if (!report.claimed) {
    taken.begun?.();
  }
  const endedAt = report.endedAt ?? Date.now() / 1000;
  record.exit = {
    seen: { ...exit, peakKb: exit.peakKb ?? report.done?.peakKb ?? undefined },
    at: endedAt,
    claimed: report.claimed && Number(report.claimed.stamp),
  };
  if (exit.stays) {
    taken.giveBack?.({ files: report.done?.files ?? [], reads: report.done?.reads ?? [] });
  }
  const end = await endOf(record, tools, report, exit, endedAt);
  if (end.type !== 'unsettled' && report.claimed && report.claimed.listeners > 0) {
    // Else it was not written, or is needed for the hook when the database is back.
    await unlink(processFile(site.place, dispatch.id)).catch(() => undefined);
  }
  if (end.type === 'ended') {
    // A full disk costs the last line of the log, not the end of the run.
    await closeLog(logFile(site.place, dispatch.id), tools.outputLimit, end.outcome).catch(() => undefined);
  } else if (end.type !== 'unsettled') {
    await rm(logFile(site.place, dispatch.id), { force: true });
  }
  return end;
}

function endOf(
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
  const logTimer = setInterval(() => void cutLog(log, tools.outputLimit).catch(() => undefined), logInterval);
  const exit = await talk(worker, job, runMessage, tools.bus, (message) => {
    report.apply(message);
    follow(record, message);
    if (message.type === 'booted') {
      clearTimeout(bootTimer);
    } else if (message.type === 'claimed') {
      tools.bus.emit('run.claimed', about);
      begun?.();
    } else if (message.type === 'unsettled') {
      tools.bus.emit('settle.postponed', { ...about, reason: `its worker could not (${message.message})` });
    }
  });
  clearTimeout(bootTimer);
  clearInterval(logTimer);
  return exit;
}

function follow(record: RunRecord, message: RunMessage): void {
  if (message.type === 'claimed') {
    record.claimedAt = Date.now();
    record.move('running');
  } else if (message.type === 'ended' && record.state === 'running') {
    record.move('closing');
  }
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
  const outcome = record.cause.write(report.outcome(exit, callback));
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
    // A row that is gone although the run had not come to its end was removed by
    // somebody else, who has told the hook.
    processFile: report.ended ? processFile(site.place, dispatch.id) : undefined,
    lock: lock === '' ? undefined : lock,
  };
  try {
    const exitKind = report.ended?.kind === 'exit';
    if (exitKind && outcome.kind === 'completed') {
      await site.store.endProgress(handle, endedAt, '', callback);
    }
    const silent = exitKind && outcome.kind !== 'completed';
    if (!report.isSettled || silent) {
      const settled = await settleDead(settleTools(tools, site), dead);
      tellSettled(tools, record, outcome, settled);
    } else if (await site.store.remove(handle, stamp)) {
      // The worker said that it had settled, but what it did was undone when its
      // open transaction ended with it.
      if (outcome.kind === 'completed') {
        await site.store.endProgress(handle, endedAt, '', callback);
      }
      await settleDead(settleTools(tools, site), { ...dead, hook: false, processFile: undefined });
    } else if (dead.lock && (report.done === undefined || report.done.locks === 'kept')) {
      await site.store.removeLocks(dead.lock).catch(() => undefined);
    }
  } catch (error) {
    return { type: 'unsettled', dead, error };
  }
  return { type: 'ended', outcome };
}

/** What settling a run of this site needs. */
export function settleTools(tools: RunTools, site: ServedSite): SettleTools {
  return { bus: tools.bus, source: site.source, place: site.place, store: site.store, timeout: tools.settleTimeout };
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
    return { type: 'nothing', reason: 'somebody else has claimed it' };
  }
  if (report.postponed) {
    return { type: 'held' };
  }
  if (report.refused) {
    const { reason, sentence } = report.refused;
    return reason === 'gone' || reason === 'token'
      ? { type: 'nothing', reason: sentence }
      : settleClaimed(withCause(record, refused(sentence)), tools, report, exit, dispatch.stamp, endedAt);
  }
  if (!report.bootFailure) {
    const claimedSilently = await findSilentClaim(record);
    if (claimedSilently !== undefined) {
      return settleClaimed(record, tools, report, exit, claimedSilently, endedAt);
    }
  }
  const cause = unclaimedCause(report, exit, callback);
  const trouble = await site.check();
  if (trouble !== undefined) {
    return { type: 'trouble', reason: trouble };
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

/** The stamp of a claim whose report was lost with its worker, or undefined. */
async function findSilentClaim(record: RunRecord): Promise<string | undefined> {
  const { site, handle } = record.dispatch;
  try {
    const rows = await site.store.find([handle]);
    const row = rows.find((candidate) => candidate.handle === handle);
    const ours = row?.status === execStatus.running && Number(row.stamp) * 1000 >= record.dispatchedAt;
    return ours ? row.stamp : undefined;
  } catch {
    // Without a database nothing can have been claimed a moment ago; the next try will see.
    return undefined;
  }
}
