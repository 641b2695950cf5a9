import type { Bench } from './bench.js';
import type { Arguments, Callback } from './caller.js';
import type { LogLine } from './daemon.js';
import { detail, events, type ShutdownEvent } from './fixture-log.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** A progress row as the database gives it. */
export interface ProgressRow {
  readonly name: string;
  readonly progress: number;
  readonly message: string;
  readonly start_stamp: number;
  readonly end_stamp: number;
}

/** What is known of a process after its end. */
export interface FinishedRun {
  readonly handle: string;
  /** What each call of hook_background_process_shutdown was given. */
  readonly shutdowns: readonly ShutdownEvent[];
  readonly progress: ProgressRow | undefined;
  /** The daemon's log line about the end. */
  readonly ended: LogLine;
  /** Sentences of type bg_process in the site's log about this handle. */
  readonly watchdog: readonly string[];
}

let counter = 0;

/** A handle that no other test uses. */
export function newHandle(name: string): string {
  counter += 1;
  return `${name}-${process.pid}-${counter}`;
}

/** The site's log entries of the module's type that mention a handle, with their variables. */
export async function watchdogAbout(site: Site, handle: string): Promise<string[]> {
  const rows = await site.sql<{ message: string; variables: Buffer }>(
    "SELECT message, variables FROM {watchdog} WHERE type = 'bg_process' AND INSTR(variables, ?) > 0 ORDER BY wid",
    [handle],
  );
  return rows.map((row) => `${row.message} ${row.variables.toString('utf8')}`);
}

/** Waits until a process that runs under the daemon has ended and everything about its end is written. */
export async function finished(bench: Bench, handle: string, nth = 1): Promise<FinishedRun> {
  const { site, daemon } = bench;
  const of = (event: string): LogLine | undefined =>
    daemon.lines.filter((line) => line.event === event && line['handle'] === handle)[nth - 1];
  // The daemon says so after everything of the end has been written.
  await waitFor(() => of('run.ended') !== undefined, {
    what: `the end of ${handle}`,
    seen: async () => ({
      lines: daemon.lines.filter((line) => line['handle'] === handle),
      events: await events(site, handle),
    }),
  });
  const progress = await site.sql<ProgressRow>('SELECT * FROM {progress} WHERE name = ?', [handle]);
  return {
    handle,
    shutdowns: (await events(site, handle, 'shutdown')).map((found) => detail(found) as ShutdownEvent),
    progress: progress[0],
    ended: of('run.ended') ?? {},
    watchdog: await watchdogAbout(site, handle),
  };
}

/** Starts a process through the module and waits for everything about its end. */
export async function runToEnd(
  bench: Bench,
  callback: Callback,
  args: Arguments = [],
  options: { handle?: string; uid?: number } = {},
): Promise<FinishedRun> {
  const handle = options.handle ?? newHandle('run');
  const started = await bench.caller.startLocked(
    handle,
    callback,
    args,
    options.uid === undefined ? {} : { uid: options.uid },
  );
  if (started !== handle) {
    throw new Error(`The module did not start ${handle}: ${JSON.stringify(started)}`);
  }
  return await finished(bench, handle);
}

/** Runs a process to its end: what was dispatched before it and has not run by then, never will. */
export async function fence(bench: Bench): Promise<void> {
  await runToEnd(bench, 'drupald_fixture_noop', [], { handle: newHandle('fence') });
}
