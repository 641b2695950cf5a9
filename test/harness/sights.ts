import type { Bench } from './bench.js';
import { detail, event } from './fixture-log.js';
import { insertRow, startPath } from './row.js';
import { finished, newHandle, runToEnd } from './run.js';
import { post } from './wire.js';

/** What the fixture's callback wrote down of its surroundings. */
export interface Sights {
  readonly server: Readonly<Record<string, string>>;
  readonly get: Readonly<Record<string, string>>;
  readonly cookie: number;
  readonly session: readonly string[];
  readonly sessionStarted: boolean;
  readonly baseUrl: string;
  readonly basePath: string;
  readonly absoluteUrl: string;
  readonly isHttps: boolean;
  readonly language: string;
  readonly uid: number;
  readonly roles: readonly string[];
  readonly mayAdminister: boolean;
  readonly cwd: string;
  readonly confPath: string;
  readonly timezone: string;
  readonly isCli: boolean;
  readonly memoryLimit: string;
  readonly maxExecutionTime: string;
  readonly umask: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly lockId: string;
  readonly random: readonly (number | string)[];
  readonly connection: number;
  readonly streams: readonly boolean[];
  readonly systemUid: number;
  readonly pid: number;
  readonly bootPath: string;
  readonly initPath: string;
  readonly handle: string;
  readonly variable: unknown;
  readonly host: string;
  readonly requestPath: string;
  readonly precision: string;
}

/** Runs the callback that looks around, through the module. */
export async function sights(bench: Bench, options: { uid?: number } = {}): Promise<Sights> {
  const run = await runToEnd(bench, 'drupald_fixture_environment', [], options);
  return detail(await event(bench.site, run.handle, 'environment')) as Sights;
}

/** Runs the callback by a raw request to a certain address of the site. */
export async function sightsAt(
  bench: Bench,
  host: string,
  base: string,
  options: { headers?: readonly string[]; uid?: number } = {},
): Promise<Sights> {
  const handle = newHandle('at');
  const token = await insertRow(bench.site, {
    handle,
    callback: 'drupald_fixture_environment',
    uid: options.uid ?? 0,
  });
  const answer = await post(bench.daemon.port, `${base}${startPath(handle, token)}`, {
    host,
    headers: options.headers ?? [],
  });
  if (answer.status !== 200) {
    throw new Error(`The daemon answered ${answer.status}: ${answer.body}`);
  }
  const seen = detail(await event(bench.site, handle, 'environment')) as Sights;
  await finished(bench, handle);
  return seen;
}
