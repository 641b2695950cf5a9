import { z } from 'zod';

import type { PastRun } from '../process/ended-run.js';
import { outcomeKinds } from '../process/outcome.js';

const progress = z.object({ fraction: z.number(), message: z.string() });

const pastRun: z.ZodType<PastRun> = z.looseObject({
  id: z.string(),
  site: z.string(),
  handle: z.string(),
  callback: z.string(),
  serviceHost: z.string(),
  uid: z.number(),
  created: z.number().optional(),
  accepted: z.number(),
  dispatched: z.number(),
  started: z.number().optional(),
  ended: z.number(),
  waitedMs: z.number(),
  outcome: z.enum(outcomeKinds),
  sentence: z.string(),
  class: z.string().optional(),
  file: z.string().optional(),
  line: z.number().optional(),
  exitCode: z.number().optional(),
  signal: z.string().optional(),
  cpuMs: z.number().optional(),
  peakKb: z.number().optional(),
  attempts: z.number(),
  isolation: z.string().optional(),
  pid: z.number().optional(),
  cancelledBy: z.string().optional(),
  progress: progress.optional(),
  output: z.object({ head: z.string(), tail: z.string(), bytes: z.number() }).optional(),
});

const note = z.object({ site: z.string(), text: z.string() });

/** Past runs, newest first. */
export const historyAnswer = z.looseObject({ runs: z.array(pastRun), notes: z.array(note) });
export type HistoryAnswer = z.infer<typeof historyAnswer>;

const liveRun = z.looseObject({
  site: z.string(),
  callback: z.string(),
  /** A state of a run; `held` by a maintenance mode; `set aside`; `pausing` before its next try; `elsewhere`: there is a row, but not in this daemon's hands. */
  state: z.string(),
  /** Of the waiting starts of its site. */
  position: z.number().optional(),
  pid: z.number().optional(),
  isolation: z.string().optional(),
  /** Seconds since 1970. */
  started: z.number().optional(),
  waitedMs: z.number().optional(),
  ranMs: z.number().optional(),
  progress: progress.optional(),
  reason: z.string().optional(),
});

/** One process that waits or runs. */
export type LiveRun = z.infer<typeof liveRun>;

/** Everything about one handle. */
export const showAnswer = z.looseObject({
  handle: z.string(),
  live: z.array(liveRun),
  runs: z.array(pastRun),
  notes: z.array(note),
});
export type ShowAnswer = z.infer<typeof showAnswer>;

/** One line of the answer about a log, in the order in which they come. */
export const logPiece = z.discriminatedUnion('type', [
  z.object({ type: z.literal('run'), id: z.string(), site: z.string(), handle: z.string(), state: z.string() }),
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('note'), text: z.string() }),
  z.object({ type: z.literal('end'), outcome: z.string(), sentence: z.string() }),
]);
export type LogPiece = z.infer<typeof logPiece>;
