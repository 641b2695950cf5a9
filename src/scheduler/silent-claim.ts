import { setTimeout as pause } from 'node:timers/promises';

import type { Outcome } from '../process/outcome.js';
import { execStatus } from '../process/states.js';
import { Backoff } from '../support/backoff.js';
import type { Dispatch } from './dispatch.js';
import type { RunRecord } from './run-record.js';
import { isSameStart } from './taken-over.js';

/** Sessions that a dead worker had in the databases, and since when they are known (monotonic milliseconds). */
export interface DeadSessions {
  readonly ids: readonly number[];
  readonly at: number;
}

/**
 * The stamp of a claim whose report was lost with its worker, or undefined.
 *
 * Waits for a database that is away: the claim may be the last thing that it has
 * written, and a start that is given back although it was claimed never ends.
 *
 * @param sessions those that may still have its claim before them: it would be made when nobody looks any more
 */
export async function askForSilentClaim(record: RunRecord, sessions?: DeadSessions): Promise<string | undefined> {
  const { site } = record.dispatch;
  if (sessions) {
    await answered(() => site.store.endSessions(sessions.ids, performance.now() - sessions.at));
  }
  return answered(() => claimInRow(record));
}

/**
 * The stamp of the claim that the row of a run tells of, or undefined.
 *
 * @throws what the database throws
 */
export async function claimInRow(record: RunRecord): Promise<string | undefined> {
  const { site, handle } = record.dispatch;
  const rows = await site.store.find([handle]);
  const row = rows.find((candidate) => candidate.handle === handle && isSameStart(candidate, record.dispatch));
  const ours = row?.status === execStatus.running && Number(row.stamp) * 1000 >= record.dispatchedAt;
  return ours ? row.stamp : undefined;
}

/**
 * The claim that a worker had made which died before this try, and which went through behind its end.
 *
 * @returns undefined: whoever has claimed the start was not of ours
 */
export async function askForLateClaim(dispatch: Dispatch): Promise<{ stamp: string; cause: Outcome } | undefined> {
  const { site, handle, doubt } = dispatch;
  if (!doubt) {
    return undefined;
  }
  const rows = await answered(() => site.store.find([handle]));
  const row = rows.find(
    (candidate) =>
      candidate.handle === handle && candidate.status === execStatus.running && isSameStart(candidate, dispatch),
  );
  const at = Number(row?.stamp) * 1000;
  // The stamp is the time of the worker that claims, so that of a living one is later.
  return row && at >= doubt.from && at <= doubt.until ? { stamp: row.stamp, cause: doubt.cause } : undefined;
}

/** Asks a database until it answers. */
export async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const backoff = new Backoff({ firstMs: 250, maxMs: 5_000 });
  for (;;) {
    try {
      return await ask();
    } catch {
      // A daemon that stops does not wait for it: the next one asks again.
      await pause(backoff.next(), undefined, { ref: false });
    }
  }
}
