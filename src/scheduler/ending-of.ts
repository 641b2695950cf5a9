import type { Ending } from '../outcome/past-runs.js';
import { stepsToKeep } from '../process/item-step.js';
import type { Outcome } from '../process/outcome.js';
import { queueCallback } from '../process/own-callback.js';
import { logFile } from '../workers/jobs.js';
import type { RunRecord } from './run-record.js';

/** What the history is told of a run that has ended. */
export function endingOf(record: RunRecord, outcome: Outcome): Ending {
  const { dispatch, exit } = record;
  const created = Number(dispatch.stamp);
  return {
    log: logFile(dispatch.site.place, dispatch.id),
    token: dispatch.token,
    steps: record.steps,
    left: dispatch.callback === queueCallback ? stepsToKeep(record.steps) : [],
    run: {
      id: dispatch.id,
      site: dispatch.site.name,
      handle: dispatch.handle,
      callback: dispatch.callback,
      serviceHost: dispatch.serviceHost,
      uid: dispatch.uid,
      created: created > 0 ? created : undefined,
      accepted: dispatch.acceptedAt / 1000,
      dispatched: record.dispatchedAt / 1000,
      started: record.claimStamp === undefined ? undefined : Number(record.claimStamp),
      ended: exit?.at ?? Date.now() / 1000,
      waitedMs: record.waitedMs,
      outcome: outcome.kind,
      sentence: outcome.sentence,
      class: outcome.class,
      file: outcome.file,
      line: outcome.line,
      exitCode: outcome.code,
      signal: outcome.signal,
      cpuMs: exit?.seen.cpuMs,
      peakKb: exit?.seen.peakKb,
      // One that died before the claim at last has been counted already.
      attempts: Math.max(1, dispatch.tries + dispatch.attempts + (record.claimStamp === undefined ? 0 : 1)),
      isolation: record.isolation,
      pid: record.pid,
      cancelledBy: outcome.by,
    },
  };
}
