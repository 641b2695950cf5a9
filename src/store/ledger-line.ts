import { z } from 'zod';

import type { EndedRun } from '../process/ended-run.js';

const begun = z.object({
  id: z.string(),
  /** Main address of the site. */
  site: z.string(),
  /** Address that the start came to. */
  uri: z.string(),
  handle: z.string(),
  callback: z.string(),
  /** Drupal's number of the user whose process it is. */
  uid: z.number().default(0),
  /** The row's stamp when it was taken. */
  stamp: z.string(),
  serviceHost: z.string(),
  /** Milliseconds since 1970. */
  acceptedAt: z.number(),
  dispatchedAt: z.number(),
  attempts: z.number(),
  tries: z.number().default(0),
  isolation: z.string(),
  /** The worker: its process id and, where there is /proc, its start time in ticks since boot. */
  pid: z.number(),
  startTicks: z.string().optional(),
});

/** A run as it is written down before its worker gets it. */
export type LedgerRun = z.infer<typeof begun>;

/** A run that has ended and is not in the history yet, or has left something of a queue. */
export interface LedgerEnding {
  readonly run: EndedRun;
  /** File with what it printed. */
  readonly log: string;
  /** Steps of a queue's worker to whose items nobody has seen yet. */
  readonly left?: readonly string[] | undefined;
  /** The history has it. */
  readonly kept?: boolean | undefined;
}

const ending = z.object({
  run: z.custom<EndedRun>((value) => {
    const { id, site, ended } = (value ?? {}) as Partial<EndedRun>;
    return typeof id === 'string' && typeof site === 'string' && typeof ended === 'number';
  }),
  log: z.string(),
  left: z.array(z.string()).readonly().optional(),
  kept: z.boolean().optional(),
});

const owed = z.object({
  /** Main address of the site. */
  site: z.string(),
  /** The value that only the dead run used. */
  lock: z.string(),
});

/** A dead run's locks that could not be removed yet. */
export type OwedLock = z.infer<typeof owed>;

const again = z.object({
  /** Main address of the site. */
  site: z.string(),
  handle: z.string(),
  /** The row's stamp while it waits for its next try. */
  stamp: z.string(),
  /** Runs of it that have ended. */
  tries: z.number(),
});

/** A start that waits for another try. */
export type WaitingTry = z.infer<typeof again>;

/** One line of the ledger. */
export const ledgerLine = z.union([
  z.tuple([z.literal('run'), begun]),
  z.tuple([z.literal('said'), z.string(), z.unknown()]),
  z.tuple([z.literal('over'), z.string()]),
  z.tuple([z.literal('ended'), ending]),
  z.tuple([z.literal('kept'), z.array(z.string())]),
  z.tuple([z.literal('seen'), z.string()]),
  z.tuple([z.literal('owed'), owed]),
  z.tuple([z.literal('freed'), z.string()]),
  z.tuple([z.literal('again'), again]),
]);
export type LedgerLine = z.infer<typeof ledgerLine>;
