import { join } from 'node:path';
import { Board, complaints } from './board.js';
import { cast } from './cast.js';
import { startDaemon } from './daemon-process.js';
import { DatabaseWatch } from './database-watch.js';
import { freePort } from './free-port.js';
import { guardians, watchGuardians } from './guardians.js';
import { MariaDb } from './mariadb.js';
import { nextSteps } from './next-steps.js';
import { DemoRunning, PrivateFolder } from './private-folder.js';
import { Screen, type ScreenStream } from './screen.js';
import type { Service } from './service.js';
import { DemoSite } from './site.js';
import { waitFor } from './wait.js';

/** Milliseconds that all processes of the demo together may take, on a slow machine too. */
const LIMIT_MS = 180_000;

/** Milliseconds after the last end until the tables must be tidy. */
const TIDY_MS = 5_000;

/** How the demo runs. */
export interface DemoOptions {
  /** Folder of the repository: the site is copied from there. */
  readonly project: string;
  /** End after the table. */
  readonly once: boolean;
  readonly out?: ScreenStream;
  readonly env?: NodeJS.ProcessEnv;
}

/** The user wants it to end. */
class Stopped extends Error {}

/**
 * The embedded demo: a private database, a small site under PHP's own web server, a daemon, and a dozen
 * processes that show what it does. Everything lives in one private folder and ends with it.
 *
 * @returns exit code: 0 every process ended as it should, or a signal ended the demo that stayed up; 1 it failed;
 *   2 another demo runs
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const out = options.out ?? process.stdout;
  const env = options.env ?? process.env;
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort(new Stopped());
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  let folder: PrivateFolder | undefined;
  let unwatch: () => void = () => undefined;
  try {
    folder = await PrivateFolder.claim(env.DRUPALD_DEMO_FOLDER || '/var/tmp', await guardians(env));
    unwatch = watchGuardians(folder.guardians, onSignal);
    return await perform(folder, options, out, env, stop.signal);
  } catch (error) {
    // A terminal's Ctrl-C also reaches programs that were being waited for: their failure is no news then.
    if (stop.signal.aborted) return 130;
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof DemoRunning ? 2 : 1;
  } finally {
    if (folder !== undefined) {
      if (stop.signal.aborted) out.write('Ending everything …\n');
      await folder.close();
    }
    unwatch();
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(name, onSignal);
  }
}

async function perform(
  folder: PrivateFolder,
  options: DemoOptions,
  out: ScreenStream,
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const board = new Board();
  const screen = new Screen(board, out, env);
  let watch: DatabaseWatch | undefined;
  let daemon: Service | undefined;
  const over = new AbortController();
  try {
    out.write('Starting a private MariaDB …\n');
    const server = await MariaDb.start(join(folder.path, 'db'), { detached: true, onStart: (pid) => folder.note(pid) });
    stop.throwIfAborted();
    out.write('Installing the demo site …\n');
    const port = await freePort();
    const database = await server.createDatabase('demo');
    const site = await DemoSite.install(folder, {
      source: join(options.project, 'demo/site'),
      database,
      port: await freePort(),
      daemon: `http://127.0.0.1:${port}`,
    });
    stop.throwIfAborted();
    const web = await site.serve();
    out.write('Starting drupald …\n\n');
    daemon = await startDaemon(folder, site, port, (event) => {
      board.heard(event);
    });
    stop.throwIfAborted();
    watch = await DatabaseWatch.open(database);
    watch.follow((name, progress, text) => {
      board.progressed(name, progress, text);
    });
    const accident = Promise.race([web.ended, daemon.ended, aborted(stop)]).then((reason) => {
      throw reason instanceof Error ? reason : new Error(reason);
    });
    accident.catch(() => undefined);
    const wrong = await Promise.race([play(site, board, screen, watch, over.signal), accident]);
    report(out, wrong);
    if (options.once) return wrong.length === 0 ? 0 : 1;
    out.write(nextSteps(folder, site));
    await accident.catch((error: unknown) => {
      if (!(error instanceof Stopped)) throw error;
    });
    return wrong.length === 0 ? 0 : 1;
  } finally {
    over.abort();
    screen.stop();
    await watch?.close();
    // First of all, while the database is still there: what runs gets its chance to end well.
    if (daemon !== undefined) await folder.end(daemon.pid);
  }
}

/** Starts the cast, waits for every end unless it is over before, and says what was not as it should be. */
async function play(
  site: DemoSite,
  board: Board,
  screen: Screen,
  watch: DatabaseWatch,
  over: AbortSignal,
): Promise<string[]> {
  screen.start(cast.length + 3);
  for (const role of cast) {
    for (const start of await site.begin(role.name)) board.started(role, start);
  }
  const wrong: string[] = [];
  await waitFor(() => over.aborted || board.settled, { what: 'every process to end', limitMs: LIMIT_MS }).catch(
    (error: unknown) => wrong.push(String(error)),
  );
  let left: string[] = [];
  await waitFor(async () => over.aborted || (left = await watch.leftovers()).length === 0, {
    what: 'the tables to be tidy',
    limitMs: TIDY_MS,
  }).catch(() => undefined);
  if (over.aborted) return wrong;
  await watch.look((name, progress, text) => {
    board.progressed(name, progress, text);
  });
  screen.finish();
  return [...wrong, ...cast.flatMap((role) => complaints(role, board.entries)), ...left];
}

function report(out: ScreenStream, wrong: readonly string[]): void {
  const lines = wrong.length === 0 ? ['Every process ended as it should.'] : ['Not as it should be:', ...wrong];
  out.write(`\n${lines.join('\n')}\n\n`);
}

/** Resolves with the reason as soon as the signal says so. */
function aborted(signal: AbortSignal): Promise<Error> {
  return new Promise((resolve) => {
    const tell = (): void => {
      resolve(signal.reason as Error);
    };
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}
