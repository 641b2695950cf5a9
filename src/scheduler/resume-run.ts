import { access, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { RunReport } from '../outcome/run-report.js';
import { isAlive } from '../process/identity.js';
import { completed, lost, type Outcome } from '../process/outcome.js';
import type { LedgerEntry } from '../store/ledger.js';
import { parseJson } from '../support/json.js';
import { exitsFolder } from '../support/state-dir.js';
import { hookFile, processFile, spoolFile } from '../workers/jobs.js';
import { exitRecord, runMessage } from '../workers/protocol.js';
import { signalName, type WorkerExit } from '../workers/worker.js';
import { endOf, type RunEnd, type RunTools } from './end-run.js';
import { readOutcomeNote, readStopNote, stepNote, stopNote } from './ledger-notes.js';
import { Eavesdropper } from './eavesdropper.js';
import { finish } from './run-process.js';
import type { RunRecord } from './run-record.js';
import { answered, askForSilentClaim } from './silent-claim.js';
import { stopRun } from './stop-run.js';
import { watchLimits } from './watch-limits.js';

/** Milliseconds between two looks at a process that is not our child. */
const interval = 100;

/** Looks for the word of its parent after its death; a forking process reaps within one. */
const looks = 5;

/**
 * Goes on with a run of a daemon that is gone: waits until its process is dead, then
 * does what the pipeline does.
 *
 * What it came to is known from four sources: what the last daemon wrote down, what the
 * worker wrote down because nobody listened, what its parent wrote down of its death,
 * and its row.
 */
export async function resumeRun(record: RunRecord, tools: RunTools, entry: LedgerEntry): Promise<RunEnd> {
  const { id, site } = record.dispatch;
  const report = new RunReport();
  record.isHeard = false;
  let endedAt: number | undefined;
  let stop: Outcome | undefined;
  for (const message of entry.messages) {
    hear(record, report, message);
    const note = readOutcomeNote(message);
    if (note) {
      record.cause.write(note.outcome);
      endedAt = note.endedAt;
    }
    stop = readStopNote(message) ?? stop;
  }
  const identity = { pid: entry.run.pid, startTicks: entry.run.startTicks };
  const wasAlive = await isAlive(identity);
  const spool = spoolFile(site.place, id);
  if (stop && wasAlive) {
    // The last daemon may have died before it could kill what did not listen.
    void stopRun(record, stop, tools.killGrace);
  }
  record.stopped ??= stop;
  record.onStop = (cause) => tools.ledger.note(id, stopNote(cause));
  record.onStep = (name) => tools.ledger.note(id, stepNote(name));
  const eavesdropper = new Eavesdropper(record, spool);
  let unwatch: (() => void) | undefined;
  while (await isAlive(identity)) {
    await eavesdropper.listen();
    record.isHeard = true;
    // Its socket is gone: it cannot be asked where it is.
    record.tellsStack = false;
    if (record.claimStamp !== undefined) {
      unwatch ??= watchLimits(record, tools.limitsOf(record.dispatch), tools.killGrace, tools.bus);
    }
    await pause(interval, undefined, { ref: false });
  }
  unwatch?.();
  record.left.resolve();
  const exit = await exitOf(join(dirname(site.place.logs), exitsFolder), entry.run.pid, wasAlive);
  for (const line of (await readFile(spool, 'utf8').catch(() => '')).split('\n')) {
    hear(record, report, parseJson(line));
  }
  record.isHeard = true;
  if (!report.claimed && record.dispatch.token === '') {
    // The database was away when this daemon began: without its token it could not be begun again.
    const { handle, stamp } = record.dispatch;
    record.dispatch.token = (await answered(() => site.store.get(handle, stamp)))?.token ?? '';
  }
  if (!report.claimed && !report.sessions) {
    // The last daemon may have died before it heard which sessions these are.
    await answered(() => site.store.endChanges(record.dispatch.handle));
  }
  await hearOfEnd(record, report);
  if (!report.claimed && isSilent(report) && (record.claimStamp !== undefined || (await hasRunUnheard(record)))) {
    // If nobody has seen under which stamp, no row carries it any more.
    const stamp = record.claimStamp ?? (record.dispatchedAt / 1000).toFixed(6);
    report.claimed = { type: 'claimed', stamp, lock: '', listeners: 1, connections: [] };
  }
  const gone = await settledUnheard(record, tools, report);
  endedAt = record.ownUntil ?? record.endedAt(report.endedAt ?? endedAt);
  record.exit = { seen: exit, at: endedAt };
  const end: RunEnd = gone
    ? { type: 'ended', outcome: record.cause.write(gone) }
    : again(await endOf(record, tools, report, exit, endedAt));
  const finished = await finish(record, tools, report, end);
  if (end.type !== 'unsettled') {
    await rm(spool, { force: true });
  }
  return finished;
}

function hear(record: RunRecord, report: RunReport, message: unknown): void {
  const parsed = runMessage.safeParse(message);
  // A worker writes down all that it has said, also what the last daemon has heard.
  if (parsed.success && !(parsed.data.type === 'claimed' && report.claimed)) {
    report.apply(parsed.data);
    if (report.sessions && parsed.data.type === 'sessions') {
      // Told some time after its dispatch. A server that began anew since has given the number to another.
      const age = Math.max(0, Date.now() - record.dispatchedAt);
      report.sessions = { ids: report.sessions.ids, at: performance.now() - age };
    }
    record.hear(parsed.data);
    if (parsed.data.type === 'claimed') {
      record.claimed(Number(parsed.data.stamp) * 1000);
    }
  }
}

/** A warm worker that found the site changed when nobody listened: another will do it. */
function again(end: Awaited<ReturnType<typeof endOf>>): RunEnd {
  return end.type === 'stale' ? { type: 'again', reason: `${end.what} changed` } : end;
}

/**
 * A worker that writes down its process has come to its end, and a hook that nobody
 * has begun then is still to be told: its words were on the way when the last daemon died.
 */
async function hearOfEnd(record: RunRecord, report: RunReport): Promise<void> {
  const { site, id } = record.dispatch;
  const there = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );
  if (report.ended || !(await there(processFile(site.place, id))) || (await there(hookFile(site.place, id)))) {
    return;
  }
  if (!report.claimed) {
    const stamp = (await askForSilentClaim(record)) ?? record.dispatch.stamp;
    report.claimed = { type: 'claimed', stamp, lock: '', listeners: 1, connections: [] };
  }
  // The module writes into the progress that a callback returned, before it removes the row.
  const { handle, callback } = record.dispatch;
  const since = Number(report.claimed.stamp);
  const returned = await answered(() => site.store.hasFinished(handle, callback, since));
  report.ended = { kind: returned ? 'completed' : 'exit', sentence: '' };
}

/** Whether its worker has said nothing of how it went. */
function isSilent(report: RunReport): boolean {
  return !report.unclaimed && !report.refused && !report.postponed && !report.bootFailure && report.stale === undefined;
}

/** Whether it has claimed its row and removed it, unheard: a claim begins a progress, and only a run removes its row. */
async function hasRunUnheard(record: RunRecord): Promise<boolean> {
  const { site, handle } = record.dispatch;
  return answered(
    async () =>
      (await site.store.find([handle])).every((row) => row.handle !== handle) &&
      (await site.store.hasProgress(handle, record.dispatchedAt / 1000)),
  );
}

/** What became of a run whose worker has settled it without being heard: its row is gone, and only a worker removes it. */
async function settledUnheard(record: RunRecord, tools: RunTools, report: RunReport): Promise<Outcome | undefined> {
  const { site, handle, callback } = record.dispatch;
  if (!report.claimed || report.ended || record.cause.outcome || record.stopped) {
    return undefined;
  }
  try {
    if (await site.store.get(handle, report.claimed.stamp)) {
      return undefined;
    }
    if (await site.store.hasFinished(handle, callback, Number(report.claimed.stamp))) {
      return completed;
    }
    const outcome = lost(callback, 'it ended and was cleaned up while no daemon was there to see how');
    if ((await site.store.find([handle])).length === 0) {
      // One that had removed its own row and was killed then; with a row the progress is a younger run's.
      await site.store.endProgress(handle, Date.now() / 1000, outcome.sentence, callback);
    }
    if (report.claimed.lock !== '') {
      await tools.locks.free(site, report.claimed.lock);
    }
    return outcome;
  } catch {
    return undefined;
  }
}

/** How a process ended, by its parent's word. */
async function exitOf(folder: string, pid: number, wait: boolean): Promise<WorkerExit> {
  const file = join(folder, String(pid));
  for (let look = 0; look < looks; look += 1) {
    const parsed = exitRecord.safeParse(parseJson(await readFile(file, 'utf8').catch(() => '')));
    if (parsed.success) {
      await rm(file, { force: true });
      const { code, signal, cpuMs, peakKb } = parsed.data;
      return {
        code: code ?? undefined,
        signal: signal == null ? undefined : signalName(signal),
        seen: true,
        cpuMs: cpuMs ?? undefined,
        peakKb: peakKb ?? undefined,
      };
    }
    if (!wait) {
      break;
    }
    await pause(interval, undefined, { ref: false });
  }
  return { code: undefined, signal: undefined, seen: false };
}
