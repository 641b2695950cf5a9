import { fail } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { cancelled, type Outcome } from '../process/outcome.js';
import type { Dispatch } from './dispatch.js';
import type { RunRecord } from './run-record.js';
import type { Scheduler } from './scheduler.js';
import type { ServedSite } from './served-site.js';
import { stopRun } from './stop-run.js';

/** What an administrator wants to end. */
export interface KillWish {
  readonly handle: string;
  /** Main address of the site, where several have a process of this handle. */
  readonly site?: string | undefined;
  readonly reason?: string | undefined;
}

/** What became of it. */
export interface Killed {
  readonly site: string;
  readonly handle: string;
  /** It ran, it waited, or it was coming to its end by itself. */
  readonly was: 'running' | 'waiting' | 'ending';
  readonly pid?: number | undefined;
}

/** Takes starts that are meant out of a backlog that daemons share: they are ours then, and wait nowhere. */
export type ClaimShared = (wish: KillWish) => Promise<readonly Dispatch[]>;

/**
 * Ends a process that runs or waits, for an administrator.
 *
 * @param grace milliseconds between SIGTERM and SIGKILL
 * @returns when its worker is dead
 * @throws DrupaldError PROCESS_NOT_HERE, HANDLE_AMBIGUOUS
 */
export async function kill(
  scheduler: Scheduler,
  bus: EventBus,
  wish: KillWish,
  grace: number,
  claim: ClaimShared = () => Promise.resolve([]),
): Promise<Killed> {
  const { handle } = wish;
  const runs = scheduler.running.filter((record) => isMeant(record.dispatch, wish));
  const waiting = scheduler.allWaiting().filter((dispatch) => isMeant(dispatch, wish));
  const here = [...runs.map((record) => record.dispatch), ...waiting];
  const found = here.length > 0 ? here : await claim(wish);
  const sites = new Set(found.map((dispatch) => dispatch.site));
  if (sites.size > 1) {
    throw fail('HANDLE_AMBIGUOUS', { handle, sites: [...sites].map((site) => site.name).join(', ') });
  }
  const [first] = found;
  if (!first) {
    throw fail('PROCESS_NOT_HERE', { handle });
  }
  const cause = cancelled(first.callback, 'an administrator (drupald kill)', wish.reason);
  const about = { site: first.site.name, handle: first.handle, callback: first.callback };
  const tell = (): void => {
    bus.emit('run.stopped', { ...about, reason: cause.sentence });
  };
  const [record] = runs;
  if (record) {
    return { site: about.site, handle: about.handle, ...(await killRun(record)) };
  }
  tell();
  if (here.length === 0) {
    await scheduler.end(first, cause);
    return { site: about.site, handle: about.handle, was: 'waiting' };
  }
  const withdrawn = await scheduler.withdraw(first, cause);
  return { site: about.site, handle: about.handle, was: withdrawn ? 'waiting' : 'ending' };

  async function killRun(run: RunRecord): Promise<Pick<Killed, 'was' | 'pid'>> {
    const { pid } = run;
    if (run.stopped || run.state === 'closing' || run.state === 'settling') {
      return { was: 'ending', pid };
    }
    const begun = run.worker === undefined ? 'waiting' : 'running';
    const stopped = await stopRun(run, cause, grace, tell);
    return { was: stopped ? begun : 'ending', pid };
  }
}

/**
 * Ends a process that runs or waits here for a cause of our own; without one nothing happens.
 *
 * @param grace milliseconds between SIGTERM and SIGKILL
 * @returns when its worker is dead
 */
export async function endProcess(
  scheduler: Scheduler,
  bus: EventBus,
  process: { readonly site: ServedSite; readonly handle: string; readonly cause: (callback: string) => Outcome },
  grace: number,
): Promise<void> {
  const { site, handle, cause } = process;
  const isIt = (one: Dispatch): boolean => one.site === site && one.handle === handle;
  const record = scheduler.running.find(({ dispatch }) => isIt(dispatch));
  const dispatch = record?.dispatch ?? scheduler.allWaiting().find(isIt);
  if (!dispatch || record?.stopped) return;
  const outcome = cause(dispatch.callback);
  const tell = (): void => {
    bus.emit('run.stopped', { site: site.name, handle, callback: dispatch.callback, reason: outcome.sentence });
  };
  if (record) {
    await stopRun(record, outcome, grace, tell);
  } else {
    tell();
    await scheduler.withdraw(dispatch, outcome);
  }
}

/**
 * Lets a process go that was set aside because it crashed again and again.
 *
 * @returns main addresses of the sites whose process goes on
 * @throws DrupaldError PROCESS_NOT_ASIDE
 */
export function retry(scheduler: Scheduler, wish: Omit<KillWish, 'reason'>): readonly string[] {
  const released = scheduler.release((dispatch) => isMeant(dispatch, wish));
  if (released.length === 0) {
    throw fail('PROCESS_NOT_ASIDE', { handle: wish.handle });
  }
  return released.map((dispatch) => dispatch.site.name);
}

/** The column compares handles without case. */
function isMeant({ handle, site }: Dispatch, wish: KillWish): boolean {
  return handle.toLowerCase() === wish.handle.toLowerCase() && (wish.site === undefined || site.name === wish.site);
}
