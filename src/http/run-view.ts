import { fail } from '../errors.js';
import type { RunFilter } from '../process/ended-run.js';
import { execStatus } from '../process/states.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { HistoryAnswer, LiveRun, ShowAnswer } from './run-answers.js';
import { runningRuns, siteNamed, waitingRuns, type RunSources } from './run-lookup.js';

/** Past runs of one handle that are shown at most. */
const shown = 20;

/**
 * Past runs, newest first.
 *
 * @param site name or address; undefined: all
 * @throws DrupaldError SITE_UNKNOWN
 */
export async function viewHistory(
  sources: RunSources,
  filter: RunFilter,
  site: string | undefined,
): Promise<HistoryAnswer> {
  const { runs, notes } = await sources.history.find(filter, siteNamed(sources, site)?.name);
  return { runs: [...runs], notes: [...notes] };
}

/**
 * What a handle does now and how its last runs ended; only the newest comes with what it printed.
 *
 * @throws DrupaldError SITE_UNKNOWN, HANDLE_UNKNOWN
 */
export async function viewHandle(sources: RunSources, handle: string, name: string | undefined): Promise<ShowAnswer> {
  const site = siteNamed(sources, name);
  const live = await liveRuns(sources, handle, site);
  const { runs, notes } = await sources.history.find({ handle, limit: shown, output: true }, site?.name);
  if (live.length === 0 && runs.length === 0) {
    throw fail('HANDLE_UNKNOWN', { handle });
  }
  const [newest, ...older] = runs;
  return {
    handle,
    live,
    runs: newest ? [newest, ...older.map((run) => ({ ...run, output: undefined }))] : [],
    notes: [...notes],
  };
}

async function liveRuns(sources: RunSources, handle: string, site: ServedSite | undefined): Promise<LiveRun[]> {
  const running = runningRuns(sources, handle, site);
  const waiting = waitingRuns(sources, handle, site);
  const mine = new Set([...running.map(({ dispatch }) => dispatch.site), ...waiting.map((one) => one.site)]);
  const others = sources.sites.filter((one) => !mine.has(one) && (!site || one === site));
  return [
    ...(await Promise.all(running.map((record) => runningOf(record)))),
    ...waiting.map((one) => waitingOf(sources, one)),
    ...(await Promise.all(others.map((one) => elsewhere(one, handle)))).flat(),
  ];
}

function waitingOf({ scheduler }: RunSources, dispatch: Dispatch): LiveRun {
  const { site } = dispatch;
  const line = scheduler.allWaiting().filter((one) => one.site === site);
  const rest = scheduler.restOf(dispatch);
  const reason = rest?.reason ?? site.trouble;
  return {
    site: site.name,
    callback: dispatch.callback,
    state: rest?.state ?? 'waiting',
    ...(rest ? {} : { position: line.filter(({ order }) => order < dispatch.order).length + 1 }),
    waitedMs: performance.now() - dispatch.arrivedAt,
    ...(reason === undefined ? {} : { reason }),
  };
}

async function runningOf(record: RunRecord): Promise<LiveRun> {
  const { site, handle, callback } = record.dispatch;
  const told = await site.runs.progress([handle]).catch(() => new Map<string, never>());
  const progress = told.get(handle);
  return {
    site: site.name,
    callback,
    state: record.state,
    pid: record.pid,
    isolation: record.isolation,
    waitedMs: record.waitedMs,
    ...(record.claimedAt === undefined ? {} : { started: record.claimedAt / 1000, ranMs: record.ranMs }),
    // One that has ended is the one of the run before.
    ...(progress?.end === 0 ? { progress: { fraction: progress.fraction, message: progress.message } } : {}),
  };
}

/** A row that this daemon has not in hand: under the web server, or of a daemon before this one. */
async function elsewhere(site: ServedSite, handle: string): Promise<LiveRun[]> {
  const rows = await site.store.find([handle]).catch(() => []);
  return rows
    .filter((row) => row.handle === handle)
    .map((row) => ({
      site: site.name,
      callback: row.callback,
      state: 'elsewhere',
      reason: `its row says ${row.status === execStatus.running ? 'that it runs' : 'that it waits'} since ${new Date(Number(row.stamp) * 1000).toISOString()}, but this daemon has it not in hand`,
    }));
}
