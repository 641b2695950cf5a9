import { z } from 'zod';

import { outcomeKinds, type OutcomeKind } from '../process/outcome.js';

/** Version of the messages between the daemon and its PHP processes. */
export const protocolVersion = 1;

const text = z.string();
const optionalText = z.string().nullish();
const optionalNumber = z.number().nullish();

/** The first message on every connection: who it is, proven by a one-time secret. */
export const helloMessage = z.object({
  type: z.literal('hello'),
  v: z.number(),
  role: z.enum(['root', 'worker']),
  secret: text,
  pid: z.number().int(),
  php: text,
  fork: z.boolean().optional(),
  opcache: z.boolean().optional(),
});
export type HelloMessage = z.infer<typeof helloMessage>;

/** What a root or a zygote says about the processes that it forked. */
export const forkerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('forked'), run: text, pid: z.number().int() }),
  z.object({ type: z.literal('fork-failed'), run: text, message: text }),
  z.object({
    type: z.literal('reaped'),
    run: optionalText,
    pid: z.number().int(),
    code: optionalNumber,
    signal: optionalNumber,
    cpuMs: optionalNumber,
    peakKb: optionalNumber,
  }),
  z.object({ type: z.literal('full'), what: text }),
]);

/** What a root or a zygote writes down of a death when no daemon listens. */
export const exitRecord = z.object({
  code: optionalNumber,
  signal: optionalNumber,
  cpuMs: optionalNumber,
  peakKb: optionalNumber,
});

/** What a zygote says before it forks. */
export const zygoteMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    bootMs: z.number(),
    // Everything that it has loaded; a change makes it stale.
    files: z.array(text),
    // Keys of $_SERVER that its settings read and that differ between starts; "*": unknown.
    reads: z.array(text),
  }),
  z.object({ type: z.literal('unfit'), reason: text }),
  z.object({ type: z.literal('boot-failed'), message: optionalText }),
]);

const outcomeFields = z.object({
  // "exit": the callback called exit(); its parent learns the code.
  kind: z.enum([...outcomeKinds, 'exit']),
  sentence: text,
  class: optionalText,
  message: optionalText,
  file: optionalText,
  line: optionalNumber,
});

export const bootFailedMessage = z.object({
  type: z.literal('boot-failed'),
  cause: z.enum(['environment', 'threw', 'fatal', 'exit', 'claim']),
  class: optionalText,
  message: optionalText,
  file: optionalText,
  line: optionalNumber,
  /** The database cannot do it now, and may a moment later. */
  database: z.boolean().optional(),
});
export type BootFailure = z.infer<typeof bootFailedMessage>;

const hookMessage = z.object({ type: z.literal('hook'), state: z.enum(['begun', 'done']) });
const settledMessage = z.object({
  type: z.literal('settled'),
  row: z.enum(['deleted', 'gone']),
  hook: z.enum(['done', 'none', 'deferred']),
  locks: z.literal('kept').optional(),
});
/** The database cannot do it now. */
const unsettledMessage = z.object({ type: z.literal('unsettled'), message: text });
const doneMessage = z.object({
  type: z.literal('done'),
  // "stay": the worker takes another job.
  leaving: z.enum(['signal', 'exit', 'stay']),
  peakKb: optionalNumber,
  locks: z.literal('kept').optional(),
  // With "stay": what was loaded since the last time, and what the settings read of a request.
  files: z.array(text).optional(),
  reads: z.array(text).optional(),
});

const sessionsMessage = z.object({
  type: z.literal('sessions'),
  /** Numbers of its database sessions: the site's, then the module's when that is another. */
  connections: z.array(z.number().int()),
});

/** What a cron run is told of a module's turn: how its process ended, or that there is none, so that it calls the hook itself. */
export type TurnAnswer =
  | { readonly type: 'turn-over'; readonly outcome: OutcomeKind; readonly sentence: string }
  | { readonly type: 'turn-refused'; readonly reason: string };

/** What a worker says about its one run, in the order in which it happens. */
export const runMessage = z.discriminatedUnion('type', [
  bootFailedMessage,
  z.object({ type: z.literal('booted') }),
  // The site has changed since its zygote was made: a process that boots for itself has to do it.
  z.object({ type: z.literal('stale'), what: text }),
  z.object({
    type: z.literal('refused'),
    reason: z.enum(['gone', 'token', 'owner', 'denied']),
    sentence: text,
  }),
  z.object({ type: z.literal('postponed'), reason: z.enum(['maintenance', 'site-status']) }),
  z.object({ type: z.literal('unclaimed') }),
  // Just before the claim.
  sessionsMessage,
  z.object({
    type: z.literal('claimed'),
    stamp: text,
    lock: text,
    listeners: z.number().int(),
    connections: z.array(z.number().int()),
    // It tells where it is when it is asked by SIGUSR2.
    stack: z.boolean().optional(),
  }),
  // What a process of our own does now, for instance whose hook_cron() runs.
  z.object({ type: z.literal('step'), name: text, number: z.number().int(), of: z.number().int() }),
  // Cron asks for the hook of a module to be run by a process of its own, and waits for a `TurnAnswer`.
  z.object({ type: z.literal('turn'), module: text }),
  // The run itself has changed or removed its row.
  z.object({ type: z.literal('row-touched') }),
  // A worker that was to run many has to leave, because this run has left something changed.
  z.object({ type: z.literal('leaked'), what: z.array(text) }),
  z.object({ type: z.literal('stack'), frames: z.array(text) }),
  // Seconds since 1970, by PHP's clock: whatever was started anew is younger.
  z.object({ type: z.literal('ended'), at: z.number(), outcome: outcomeFields }),
  hookMessage,
  settledMessage,
  unsettledMessage,
  doneMessage,
]);
export type RunMessage = z.infer<typeof runMessage>;

/** What a worker tells that takes another job. */
export interface Staying {
  readonly files: readonly string[];
  readonly reads: readonly string[];
}

/** What a worker says that settles a dead run. */
export const settleMessage = z.discriminatedUnion('type', [
  sessionsMessage,
  bootFailedMessage,
  hookMessage,
  settledMessage,
  unsettledMessage,
  doneMessage,
]);
export type SettleMessage = z.infer<typeof settleMessage>;

const jobMessage = z.union([
  z.object({ name: text, problem: text }),
  z.object({
    name: text,
    title: text,
    disabled: z.boolean(),
    launcher: text,
    scheduler: text,
    rules: z.array(text),
    /** Seconds. */
    catchUp: z.number(),
    /** What a scheduler of the site's own says; null: the rules count. */
    due: z.boolean().nullable(),
    skew: z.number().int(),
    /** Seconds since 1970; 0: never. */
    last: z.number(),
    /** Seconds that the last run took; 0: it goes on, or there is none. */
    took: z.number(),
    /** Id of the last log entry where it is open. */
    open: text,
    /** Id of its lock; empty: it is free. */
    lock: text,
    /** Seconds. */
    lockTimeout: z.number(),
    /** It starts itself again and again. */
    daemonize: z.boolean(),
    /** It runs beside as many others as it likes. */
    unlimited: z.boolean(),
    /** Service hosts that may run it; none: it does not matter. */
    hosts: z.array(text),
    /** Of 1.x: the arguments of its process as PHP serializes them, in base64. */
    args: text.optional(),
  }),
]);
const jobsMessage = z.object({
  type: z.literal('jobs'),
  jobs: z.array(jobMessage),
  zone: text,
  stopped: z.boolean(),
  maintenance: z.boolean(),
  installed: z.boolean(),
  /** Jobs of a launcher that may run at the same time. */
  threads: z.record(z.string(), z.number().int()),
  /** Whether the locks of jobs are in their table. */
  locksHere: z.boolean(),
  /** Of 1.x: what stands before the name of a job in the handle of its process. */
  prefix: text.optional(),
});
/** The jobs of a site with Ultimate Cron. */
export type UltimateJobs = z.infer<typeof jobsMessage>;
/** One of them that can be read. */
export type UltimateJob = Extract<UltimateJobs['jobs'][number], { title: string }>;

/** What a worker says that looks at the jobs of Ultimate Cron. */
export const ultimateMessage = z.discriminatedUnion('type', [
  bootFailedMessage,
  jobsMessage,
  z.object({ type: z.literal('done-so') }),
  doneMessage,
]);

/** What a worker says that asks queues how many items they hold. */
export const countsMessage = z.discriminatedUnion('type', [
  bootFailedMessage,
  z.object({
    type: z.literal('counts'),
    queues: z.array(z.object({ name: text, count: z.number().optional(), problem: text.optional() })),
  }),
  doneMessage,
]);

/** What a worker says that sets a variable. */
export const setMessage = z.discriminatedUnion('type', [
  bootFailedMessage,
  z.object({ type: z.literal('set') }),
  doneMessage,
]);

/** What a worker says that changes a batch. */
export const batchMessage = z.discriminatedUnion('type', [
  bootFailedMessage,
  z.object({ type: z.literal('batch'), result: z.enum(['changed', 'gone', 'done', 'stopped', 'finished']) }),
  doneMessage,
]);

/** The request that PHP is to see, part of every job. */
export interface JobRequest {
  readonly root: string;
  readonly server: Readonly<Record<string, string>>;
  readonly q: string;
  readonly umask?: number | undefined;
}

interface JobBase extends JobRequest {
  readonly type: 'job';
  readonly title: string;
  /** File that gets what the job prints. */
  readonly log: string;
  /** Bytes after which the rest of the output is cut. */
  readonly logLimit: number;
}

/** How a batch is run. */
export interface BatchJob {
  /** Seconds between two saves at most; 0: each operation. */
  readonly save: number;
  readonly onFailure: 'retry' | 'skip' | 'stop';
  readonly retries: number;
  /** Why the process before this one died. */
  readonly sentence?: string;
  /** Somebody has ended it: no operation has failed. */
  readonly ended?: boolean;
}

export interface RunJob extends JobBase {
  readonly kind: 'run';
  readonly handle: string;
  readonly token: string;
  readonly callback: string;
  /** The callback is one of drupald's own. */
  readonly own?: true;
  /** It is cron of a site whose cron the daemon runs: it may be needless by now. */
  readonly gate?: true;
  /** It is a batch, which the shim runs: one of the module background_batch in the place of the module's function. */
  readonly batch?: BatchJob;
  readonly processFile: string;
  /** File that says that the hook has begun; only one can make it. */
  readonly hookFile: string;
  /** File for what the worker has to say when nobody listens any more. */
  readonly spool: string;
  /** Kinds of ends after which the worker leaves everything to the daemon, which may begin it again. */
  readonly keepOn: readonly string[];
  /** The worker may take another job afterwards. */
  readonly stay?: { readonly log: string; readonly maxMemory: number } | undefined;
}

export interface SettleJob extends JobBase {
  readonly kind: 'settle';
  readonly handle: string;
  /** The exact text of start_stamp that the dead run holds. */
  readonly stamp: string;
  /** Empty: the run completed. */
  readonly sentence: string;
  readonly hook: boolean;
  readonly progress: boolean;
  /** The row is not a run of ours: the module's own unlocking, and nothing unless the row is still there. */
  readonly unlock?: true | undefined;
  /** Seconds since 1970. */
  readonly endedAt: number;
  readonly processFile?: string | undefined;
  readonly hookFile?: string | undefined;
  readonly lock?: string | undefined;
}

export interface DescribeJob extends JobBase {
  readonly kind: 'describe';
  /** Tell what PHP calls deprecated instead of the facts. */
  readonly deprecations?: true;
}

/** Set a variable of the site. */
export interface SetJob extends JobBase {
  readonly kind: 'set';
  readonly name: string;
  readonly value: string | number;
}

/** Ask queues that are kept elsewhere how many items they hold. */
export interface CountJob extends JobBase {
  readonly kind: 'count';
  readonly queues: readonly string[];
}

/** What is to become of a batch that does not run. */
export interface BatchWish {
  readonly bid: number;
  readonly action: 'cancel' | 'resume';
  /** What its starter is told. */
  readonly text: string;
}

/** Change a batch. */
export interface ChangeBatchJob extends JobBase, BatchWish {
  readonly kind: 'batch';
}

/** A job of Ultimate Cron whose run ended badly. */
export interface JobToClose {
  readonly name: string;
  /** Id of its lock and its log; empty: those that are open. */
  readonly lock: string;
  readonly sentence: string;
  /** Seconds since 1970 between which it began. */
  readonly since: number;
  readonly until: number;
}

/** Look at the jobs of Ultimate Cron, close one, or have one launched. */
export interface UltimateJobsJob extends JobBase {
  readonly kind: 'ultimate';
  readonly version: 1 | 2;
  /** Names of queues that are worked off without its jobs; told where jobs of 1.x are asked for. */
  readonly queues?: readonly string[];
  readonly close?: JobToClose;
  /** Name of a job that its launcher is to launch in its own way. */
  readonly launch?: string;
}

/** Load the site and fork workers from then on. */
export interface ZygoteJob extends JobBase {
  readonly kind: 'zygote';
}

export type Job = ZygoteJob | RunJob | SettleJob | DescribeJob | SetJob | CountJob | UltimateJobsJob | ChangeBatchJob;
