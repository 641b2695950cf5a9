import { rm } from 'node:fs/promises';

import type { EventBus } from '../events/bus.js';
import type { Outcome } from '../process/outcome.js';
import type { SiteUri } from '../sites/site-uri.js';
import type { CoreTables } from '../store/core-tables.js';
import { databaseReason } from '../store/database.js';
import type { ProcessStore } from '../store/process-store.js';
import { bootReason } from '../workers/describe-site.js';
import { hookFile, logFile, settleJob, type JobPlace, type SettleOf } from '../workers/jobs.js';
import { settleMessage } from '../workers/protocol.js';
import { talk } from '../workers/talk.js';
import type { WorkerSource } from '../workers/worker.js';

/** Helpers that may die before they have done anything, until statements of ours do what they can without the hook. */
const helperAttempts = 3;

/** What is needed to settle processes of one site. */
export interface SettleTools {
  readonly source: WorkerSource;
  readonly place: JobPlace;
  readonly store: ProcessStore;
  readonly core: Pick<CoreTables, 'writeLog'>;
  readonly bus: EventBus;
  /** Removes the locks of a dead run, or writes down that this is still to be done. */
  readonly freeLocks: (lock: string) => Promise<void>;
  /** Milliseconds that a helper worker may take. */
  readonly timeout: number;
}

/** A run that is over and has left something behind. */
export interface Unsettled {
  readonly id: string;
  readonly uri: SiteUri;
  readonly handle: string;
  readonly callback: string;
  /** The exact stamp that the row carries if it is still this run's. */
  readonly stamp: string;
  readonly outcome: Outcome;
  /** Seconds since 1970. */
  readonly endedAt: number;
  /** Whether the hook has to be told (again it never is). */
  readonly hook: boolean;
  /** File with the process as claimed. */
  readonly processFile?: string | undefined;
  readonly lock?: string | undefined;
}

/** What came of it. */
export interface Settled {
  readonly row: 'deleted' | 'gone';
  readonly hook: 'done' | 'none' | 'interrupted' | 'not-told';
  /** By a booted site, or by statements of ours because it does not boot. */
  readonly by: 'site' | 'daemon';
}

/**
 * Settles a dead run (design decision 6): a fresh worker removes the row under its
 * fence, tells the hook once, ends the progress, removes the locks and writes
 * Drupal's log. Where Drupal cannot boot, statements of ours do all but the hook.
 *
 * @throws what the database throws, or an Error with the reason in a sentence: it is to be tried again later
 */
export async function settleDead(tools: SettleTools, dead: Unsettled): Promise<Settled> {
  if (dead.outcome.kind === 'completed') {
    // Helpers end the progress of bad ends only; the module has not ended that of an exit().
    await tools.store.endProgress(dead.handle, dead.endedAt, '', dead.callback);
  }
  let found: HelperWord = { hook: 'none' };
  let failure: string | undefined;
  for (let attempt = 1; attempt <= helperAttempts; attempt += 1) {
    found = { hook: 'none' };
    failure = undefined;
    try {
      await runHelper(tools, dead, found);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    if (found.passing && found.row === undefined && found.hook === 'none') {
      // Statements of ours might get through, but could not tell the hook.
      throw new Error(found.failure);
    }
    if (found.late || diedForNoFault(found)) {
      // While the database is away this throws, and everything is left for later.
      await tools.store.get(dead.handle, dead.stamp);
      if (found.sessions) {
        // A statement of it that still waits there would remove the row under the next one, which
        // would take that for somebody else's doing and not tell the hook.
        await tools.store.endSessions(found.sessions.ids, performance.now() - found.sessions.at);
      }
    }
    if (found.late && found.row === undefined && found.hook === 'none' && tools.store.isSlow) {
      throw new Error('the database is too slow for it');
    }
    if (!diedForNoFault(found)) {
      break;
    }
  }
  if (found.row !== undefined) {
    if (found.locksKept && dead.lock) {
      await tools.freeLocks(dead.lock);
    }
    return { row: found.row, hook: found.hook === 'begun' ? 'interrupted' : found.hook, by: 'site' };
  }
  if (failure !== undefined) {
    // No PHP can be had: the hook is told when there is one again.
    throw new Error(`there is no PHP to settle it: ${failure}`);
  }
  const row = (await settleByStatements(tools, dead)) ? 'deleted' : 'gone';
  const told =
    found.hook === 'none' ? (dead.hook ? 'not-told' : 'none') : found.hook === 'begun' ? 'interrupted' : 'done';
  return { row, hook: told, by: 'daemon' };
}

/** Whether a helper has done nothing, and the next may do better: it was killed, or could not be forked. */
function diedForNoFault(found: HelperWord): boolean {
  return found.row === undefined && found.hook === 'none' && found.failure === undefined && found.late !== true;
}

function runHelper(tools: SettleTools, dead: Unsettled, found: HelperWord): Promise<void> {
  return runSettleJob(tools, dead.uri, `${dead.id}-settle`, found, {
    handle: dead.handle,
    stamp: dead.stamp,
    sentence: dead.outcome.sentence,
    hook: dead.hook,
    progress: true,
    endedAt: dead.endedAt,
    processFile: dead.processFile,
    hookFile: hookFile(tools.place, dead.id),
    lock: dead.lock,
  });
}

/** What a helper worker has said so far. */
export interface HelperWord {
  row?: 'deleted' | 'gone';
  hook: 'none' | 'begun' | 'done';
  /** It did everything else, but could not remove the locks. */
  locksKept?: boolean;
  /** Its sessions in the databases, and when it told of them (monotonic milliseconds). */
  sessions?: { readonly ids: readonly number[]; readonly at: number };
  /** Why it could not boot the site, or could not settle. */
  failure?: string;
  /** Whether that was for a database that could not do it now. */
  passing?: boolean;
  /** It took longer than it may. */
  late?: boolean;
}

/**
 * Has a fresh worker do a job of settling.
 *
 * @param found is filled in as the helper speaks, also when this throws
 * @throws Error when there is no worker to be had
 */
export async function runSettleJob(
  tools: Pick<SettleTools, 'source' | 'place' | 'bus' | 'timeout'>,
  uri: SiteUri,
  id: string,
  found: HelperWord,
  what: SettleOf,
): Promise<void> {
  const worker = await tools.source.worker(id);
  const timer = setTimeout(() => {
    found.late = true;
    worker.kill('SIGKILL');
  }, tools.timeout);
  await talk(worker, settleJob(tools.place, uri, id, what), settleMessage, tools.bus, (message) => {
    if (message.type === 'hook') {
      found.hook = message.state;
    } else if (message.type === 'sessions') {
      found.sessions = { ids: message.connections, at: performance.now() };
    } else if (message.type === 'settled') {
      found.row = message.row;
      found.locksKept = message.locks === 'kept';
    } else if (message.type === 'boot-failed') {
      found.failure = bootReason(message);
      found.passing = message.database === true;
    } else if (message.type === 'unsettled') {
      found.failure = message.message;
      found.passing = true;
    }
  });
  clearTimeout(timer);
  await rm(logFile(tools.place, id), { force: true });
}

async function settleByStatements({ store, core, freeLocks }: SettleTools, dead: Unsettled): Promise<boolean> {
  await store.endProgress(dead.handle, dead.endedAt, dead.outcome.sentence, dead.callback);
  const removed = await store.remove(dead.handle, dead.stamp);
  if (dead.lock) {
    await freeLocks(dead.lock);
  }
  if (dead.outcome.sentence !== '') {
    // Its log may be kept elsewhere, then there is no such table.
    await core.writeLog(dead.handle, dead.outcome.sentence).catch(() => undefined);
  }
  return removed;
}

/** One line for the log when settling has to wait for the database. */
export function postponedReason(error: unknown): string {
  return `it could not be written (${databaseReason(error)})`;
}
