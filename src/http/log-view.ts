import { fail } from '../errors.js';
import { hasLog, readLog } from '../outcome/log-reader.js';
import { Secrets, secretsOf } from '../outcome/secrets.js';
import type { PastRun } from '../process/ended-run.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { logFile } from '../workers/jobs.js';
import type { LogPiece } from './run-answers.js';
import { runningRuns, siteNamed, waitingRuns, type RunSources } from './run-lookup.js';

/** Past runs of a handle among which one is looked for. */
const searched = 20;

/** How a log is asked for. */
export interface LogWish {
  readonly handle: string;
  /** Name or address of the site; undefined: any. */
  readonly site?: string | undefined;
  /** Only the last lines; undefined: all. */
  readonly lines?: number | undefined;
  readonly follow: boolean;
}

/** One run whose log is asked for. */
interface LoggedRun {
  readonly id: string;
  readonly site: ServedSite;
  readonly handle: string;
  readonly state: 'running' | 'waiting' | 'ended';
  /** While it is in hand. */
  readonly dispatch?: Dispatch;
  /** When it has ended. */
  readonly past?: PastRun;
}

/**
 * The log of the newest run of a handle, and what comes to it until the run ends if that is wanted.
 *
 * @throws DrupaldError SITE_UNKNOWN, HANDLE_UNKNOWN, before anything is answered
 */
export async function viewLog(
  sources: RunSources,
  wish: LogWish,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogPiece>> {
  const run = await loggedRun(sources, wish.handle, siteNamed(sources, wish.site));
  if (!run) {
    throw fail('HANDLE_UNKNOWN', { handle: wish.handle });
  }
  return pieces(sources, run, wish, signal);
}

async function loggedRun(
  sources: RunSources,
  handle: string,
  site: ServedSite | undefined,
): Promise<LoggedRun | undefined> {
  const [record] = runningRuns(sources, handle, site).sort((a, b) => b.dispatchedAt - a.dispatchedAt);
  const dispatch = record?.dispatch ?? waitingRuns(sources, handle, site)[0];
  if (dispatch) {
    return { id: dispatch.id, site: dispatch.site, handle, state: record ? 'running' : 'waiting', dispatch };
  }
  const { runs } = await sources.history.find({ handle, limit: 1, output: true }, site?.name);
  const [past] = runs;
  const owner = sources.sites.find(({ name }) => name === past?.site);
  return past && owner ? { id: past.id, site: owner, handle, state: 'ended', past } : undefined;
}

async function* pieces(
  sources: RunSources,
  run: LoggedRun,
  wish: LogWish,
  signal: AbortSignal,
): AsyncGenerator<LogPiece> {
  const { id, site, handle, state, dispatch } = run;
  yield { type: 'run', id, site: site.name, handle, state };
  const file = logFile(site.place, id);
  if (run.past?.output && !(await hasLog(file))) {
    yield* removed(run.past.output, sources.keep);
    yield endOf(run.past);
    return;
  }
  const inHand = (): boolean => dispatch !== undefined && sources.scheduler.has(dispatch);
  const secrets = new Secrets([
    ...secretsOf(site.settings.databases, site.config.env),
    ...(dispatch ? [dispatch.token] : []),
  ]);
  let printed = false;
  for await (const text of readLog(file, { lines: wish.lines, live: () => wish.follow && inHand(), signal })) {
    printed = true;
    yield { type: 'text', text: secrets.hide(text) };
  }
  if (signal.aborted) {
    yield { type: 'note', text: 'The daemon stops; the log is not followed any more.' };
    return;
  }
  const ended = !inHand();
  if (!printed && wish.lines !== 0) {
    yield { type: 'note', text: emptiness(ended ? 'ended' : state) };
  }
  const past = ended ? (run.past ?? (await pastOf(sources, run))) : undefined;
  if (past) {
    yield endOf(past);
  }
}

function endOf({ outcome, sentence }: PastRun): LogPiece {
  return { type: 'end', outcome, sentence };
}

/** What the history still has of a log. */
function* removed({ head, tail, bytes }: NonNullable<PastRun['output']>, keep: number): Generator<LogPiece> {
  const why = `Its log was removed: the newest ${keep} are kept (output.keep). The history has`;
  if (tail === '') {
    yield { type: 'note', text: `${why} all of it:` };
    yield { type: 'text', text: head };
    return;
  }
  yield { type: 'note', text: `${why} the first and the last lines of ${bytes} bytes:` };
  yield { type: 'text', text: head };
  yield { type: 'note', text: '…' };
  yield { type: 'text', text: tail };
}

/** Of a run that was still in hand when its log was asked for. */
async function pastOf(sources: RunSources, { id, site, handle }: LoggedRun): Promise<PastRun | undefined> {
  const { runs } = await sources.history.find({ handle, limit: searched }, site.name);
  return runs.find((run) => run.id === id);
}

function emptiness(state: LoggedRun['state']): string {
  switch (state) {
    case 'ended':
      return 'It printed nothing.';
    case 'waiting':
      return 'It waits and has printed nothing yet.';
    case 'running':
      return 'It has printed nothing yet.';
  }
}
