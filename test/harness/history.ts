import type { PastRun } from '../../src/process/ended-run.js';
import type { Bench } from './bench.js';
import { drupald } from './daemon.js';
import type { ProgramResult } from './program.js';
import { waitFor } from './wait.js';

/** Asks the daemon of a bench through the program. */
export function ask(bench: Pick<Bench, 'daemon'>, ...args: string[]): Promise<ProgramResult> {
  return drupald([...args, '--state-dir', bench.daemon.stateDir]);
}

/** What `drupald history --json` says. */
export interface HistoryJson {
  readonly runs: readonly PastRun[];
  readonly notes: readonly { readonly site: string; readonly text: string }[];
}

/** Asks for past runs. */
export async function history(bench: Pick<Bench, 'daemon'>, ...args: string[]): Promise<HistoryJson> {
  const result = await ask(bench, 'history', '--json', ...args);
  if (result.code !== 0) {
    throw new Error(`history ended with ${result.code}: ${result.stderr}`);
  }
  return JSON.parse(result.stdout) as HistoryJson;
}

/** Handles in the table of a site, newest first; none while there is no table. */
export async function written(bench: Pick<Bench, 'site'>): Promise<string[]> {
  if ((await bench.site.sql("SHOW TABLES LIKE '%drupald\\_run'")).length === 0) {
    return [];
  }
  const rows = await bench.site.sql<{ handle: Buffer }>(
    'SELECT handle FROM {drupald_run} ORDER BY ended DESC, seq DESC',
  );
  return rows.map(({ handle }) => handle.toString());
}

/** Waits until exactly these handles are in the table. */
export async function onlyWritten(bench: Pick<Bench, 'site'>, handles: readonly string[]): Promise<void> {
  const wanted = handles.join();
  await waitFor(async () => (await written(bench)).join() === wanted, {
    what: `the history to hold ${wanted}`,
    seen: () => written(bench),
  });
}
