import { z } from 'zod';

import { outcomeKinds, type Outcome } from '../process/outcome.js';
import type { RunMessage } from '../workers/protocol.js';

/** What a worker says that the next daemon would have to know. */
const kept: ReadonlySet<RunMessage['type']> = new Set([
  'sessions',
  'claimed',
  'row-touched',
  'step',
  'ended',
  'hook',
  'settled',
  'unsettled',
]);

/** Whether a message of a worker is to be written down. */
export function isKept(message: RunMessage): boolean {
  return kept.has(message.type);
}

const outcome = z.looseObject({ kind: z.enum(outcomeKinds), sentence: z.string() });
const note = z.object({ type: z.literal('outcome'), endedAt: z.number(), outcome });
const stop = z.object({ type: z.literal('stop'), outcome });

/**
 * What the daemon has found out about the end of a run, as it is written down.
 *
 * @param endedAt seconds since 1970
 */
export function outcomeNote(cause: Outcome, endedAt: number): object {
  return { type: 'outcome', endedAt, outcome: { ...cause } } satisfies z.input<typeof note>;
}

/** Reads what outcomeNote() has written; undefined: it is something else. */
export function readOutcomeNote(message: unknown): { outcome: Outcome; endedAt: number } | undefined {
  const parsed = note.safeParse(message);
  return parsed.success ? parsed.data : undefined;
}

/** That a run is being ended, and why, as it is written down: it may outlive the daemon that does it. */
export function stopNote(cause: Outcome): object {
  return { type: 'stop', outcome: { ...cause } } satisfies z.input<typeof stop>;
}

/** A step of a run that the daemon has added, as its worker would have told it. */
export function stepNote(name: string): object {
  return { type: 'step', name, number: 0, of: 0 } satisfies Extract<RunMessage, { type: 'step' }>;
}

/** Reads what stopNote() has written; undefined: it is something else. */
export function readStopNote(message: unknown): Outcome | undefined {
  return stop.safeParse(message).data?.outcome;
}
