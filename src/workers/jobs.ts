import { join } from 'node:path';

import type { OutcomeKind } from '../process/outcome.js';
import { isOwnCallback, runsBatch } from '../process/own-callback.js';
import {
  cronVariables,
  noContext,
  publicStartPath,
  serverVariables,
  startPath,
  type StartContext,
} from '../sites/request.js';
import type { SiteUri } from '../sites/site-uri.js';
import type {
  CountJob,
  BatchJob,
  BatchWish,
  ChangeBatchJob,
  DescribeJob,
  JobRequest,
  RunJob,
  SetJob,
  SettleJob,
  UltimateJobsJob,
  ZygoteJob,
} from './protocol.js';

/** Where the jobs of a site run and leave their output. */
export interface JobPlace {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  /** Octal text such as `0022`. */
  readonly umask: string;
  /** Folder for logs of runs. */
  readonly logs: string;
  /** Bytes of output that a run may leave. */
  readonly logLimit: number;
}

/** A public path of the module that needs no user, no session and no theme. */
const harmlessPath = 'background-process/check-token';

/** File that holds what a run prints. */
export function logFile(place: Pick<JobPlace, 'logs'>, run: string): string {
  return join(place.logs, `${run}.log`);
}

/** File in which a worker keeps the process as claimed, for a hook that it can no longer call. */
export function processFile(place: Pick<JobPlace, 'logs'>, run: string): string {
  return join(place.logs, `${run}.process`);
}

/** File by which workers of several daemons know that the hook of a run has begun. */
export function hookFile(place: Pick<JobPlace, 'logs'>, run: string): string {
  return join(place.logs, `${run}.hook`);
}

/** File in which a worker tells what became of it when no daemon listens any more. */
export function spoolFile(place: Pick<JobPlace, 'logs'>, run: string): string {
  return join(place.logs, `${run}.spool`);
}

export interface RunOf {
  readonly id: string;
  readonly handle: string;
  readonly token: string;
  readonly callback: string;
  readonly context: StartContext;
  /** Ends after which it may be begun again. */
  readonly retryOn: readonly OutcomeKind[];
  /** It is cron of a site whose cron the daemon runs. */
  readonly gate?: boolean;
  /** How it is run if it is a batch. */
  readonly batch?: BatchJob;
}

/** The job of running one process, under the address that its start came to. */
export function runJob(place: JobPlace, uri: SiteUri, run: RunOf): RunJob {
  const { prefix } = run.context;
  return {
    ...base(
      place,
      uri,
      run.id,
      startPath(prefix, run.handle, run.token),
      publicStartPath(prefix, run.handle),
      run.context,
    ),
    ...(isOwnCallback(run.callback)
      ? { own: true as const, q: '', server: cronVariables(uri, place.root, place.env) }
      : {}),
    ...(run.gate === true ? { gate: true as const } : {}),
    ...(run.batch && runsBatch(run.callback) ? { batch: run.batch } : {}),
    kind: 'run',
    title: `run ${run.handle}`,
    handle: run.handle,
    token: run.token,
    callback: run.callback,
    processFile: processFile(place, run.id),
    hookFile: hookFile(place, run.id),
    spool: spoolFile(place, run.id),
    // PHP cannot know its own exit code.
    keepOn: run.retryOn.map((kind) => (kind === 'exited' ? 'exit' : kind)),
  };
}

export type SettleOf = Pick<
  SettleJob,
  'handle' | 'stamp' | 'sentence' | 'hook' | 'progress' | 'unlock' | 'endedAt' | 'processFile' | 'hookFile' | 'lock'
>;

/** The job of settling a process whose worker is gone. */
export function settleJob(place: JobPlace, uri: SiteUri, id: string, what: SettleOf): SettleJob {
  return {
    ...base(place, uri, id, harmlessPath, harmlessPath, noContext),
    kind: 'settle',
    title: `settle ${what.handle}`,
    ...what,
  };
}

/** How a site is looked at. */
export interface DescribeOptions {
  /** What `$_GET['q']` holds meanwhile; a public page without effects unless told. */
  readonly path?: string;
  /** Tell what PHP calls deprecated instead of the facts. */
  readonly deprecations?: true;
}

/** The job of telling what a site is. */
export function describeJob(place: JobPlace, uri: SiteUri, id: string, options: DescribeOptions): DescribeJob {
  const { path = harmlessPath, deprecations } = options;
  return {
    ...base(place, uri, id, path, path, noContext),
    kind: 'describe',
    ...(deprecations ? { deprecations } : {}),
    title: `describe ${uri.host}${uri.basePath}`,
  };
}

/** The job of setting a variable. */
export function setJob(place: JobPlace, uri: SiteUri, id: string, name: string, value: string | number): SetJob {
  return {
    ...base(place, uri, id, harmlessPath, harmlessPath, noContext),
    kind: 'set',
    title: `set ${name}`,
    name,
    value,
  };
}

/** The job of changing a batch. */
export function batchJob(place: JobPlace, uri: SiteUri, id: string, wish: BatchWish): ChangeBatchJob {
  return {
    ...base(place, uri, id, harmlessPath, harmlessPath, noContext),
    kind: 'batch',
    title: `batch ${wish.bid}`,
    ...wish,
  };
}

/** What is wanted of Ultimate Cron. */
export type UltimateWish = Pick<UltimateJobsJob, 'version' | 'close' | 'launch' | 'queues'>;

/** The job of asking queues how many items they hold. */
export function countJob(place: JobPlace, uri: SiteUri, id: string, queues: readonly string[]): CountJob {
  return {
    ...base(place, uri, id, harmlessPath, harmlessPath, noContext),
    kind: 'count',
    title: 'count items',
    queues,
  };
}

/** The job of looking at the jobs of Ultimate Cron, as cron.php would. */
export function ultimateJobsJob(place: JobPlace, uri: SiteUri, id: string, wish: UltimateWish): UltimateJobsJob {
  return {
    ...base(place, uri, id, harmlessPath, harmlessPath, noContext),
    // 1.x takes whoever asks for its queues in cron.php for the core's cron, runs all of its own, and exits.
    ...(wish.version === 1 ? {} : { q: '', server: cronVariables(uri, place.root, place.env) }),
    kind: 'ultimate',
    title: `jobs ${uri.host}${uri.basePath}`,
    ...wish,
  };
}

/** The job of loading the site and forking workers, under the headers of a start that came lately. */
export function zygoteJob(place: JobPlace, uri: SiteUri, id: string, context: StartContext = noContext): ZygoteJob {
  const path = 'bgp-start/drupald/0';
  return {
    ...base(place, uri, id, path, path, { ...context, prefix: '' }),
    kind: 'zygote',
    title: `zygote ${uri.host}${uri.basePath}`,
  };
}

function base(
  place: JobPlace,
  uri: SiteUri,
  id: string,
  q: string,
  address: string,
  context: StartContext,
): JobRequest & { type: 'job'; log: string; logLimit: number } {
  return {
    type: 'job',
    root: place.root,
    server: serverVariables(uri, place.root, address, context, place.env),
    q,
    umask: Number.parseInt(place.umask, 8),
    log: logFile(place, id),
    logLimit: place.logLimit,
  };
}
