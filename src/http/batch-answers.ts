import { z } from 'zod';

const batch = z.object({
  site: z.string(),
  batch: z.number(),
  title: z.string(),
  state: z.enum(['waiting', 'running', 'failed', 'stopped', 'done', 'finished here', 'in its browser']),
  /** From 0 to 100. */
  percentage: z.number(),
  /** HTML. */
  message: z.string(),
  operations: z.number(),
  left: z.number(),
  /** Operations a second. */
  rate: z.number().nullable(),
  /** Seconds since 1970. */
  eta: z.number().nullable(),
  uid: z.number(),
  starter: z.string(),
  /** Seconds since 1970. */
  created: z.number(),
  failures: z.number(),
  reason: z.string(),
});

/** One batch. */
export type BatchLine = z.infer<typeof batch>;

/** The answer to `drupald batch list`. */
export const batchesAnswer = z.looseObject({ batches: z.array(batch) });

/** The answer to `drupald batch show`. */
export const batchAnswer = z.looseObject({ batch });

/** Which batch is meant. */
export const batchWish = z.object({
  batch: z.coerce.number().int(),
  site: z.string().optional(),
  reason: z.string().optional(),
});

/** The answer to `drupald batch cancel` and `drupald batch resume`. */
export const batchChanged = z.looseObject({ site: z.string(), batch: z.number() });
