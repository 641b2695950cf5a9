import { z } from 'zod';

const eventSchema = z.looseObject({
  event: z.string(),
  handle: z.string().optional(),
  callback: z.string().optional(),
  pid: z.number().optional(),
  waitedMs: z.number().optional(),
  ranMs: z.number().optional(),
  outcome: z.string().optional(),
  sentence: z.string().optional(),
  reason: z.string().optional(),
});

/** One line of the daemon's log. */
export type DaemonEvent = z.infer<typeof eventSchema>;

/** Reads a line of the daemon's log; undefined when it is none. */
export function parseEvent(line: string): DaemonEvent | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
