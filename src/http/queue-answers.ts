import { z } from 'zod';

const queue = z.object({
  site: z.string(),
  queue: z.string(),
  /** Class that keeps it. */
  backend: z.string(),
  /** Seconds since 1970 until which all of it pauses; null: it does not. */
  pausedUntil: z.number().nullable(),
  /** Why it is left alone; null: it is worked off here. */
  leftAlone: z.string().nullable(),
  slots: z.number(),
  /** Workers that wait or run. */
  workers: z.number(),
  /** Items; null: they are not kept in the site's database. */
  waiting: z.number().nullable(),
  claimed: z.number().nullable(),
  paused: z.number().nullable(),
  aside: z.number().nullable(),
  /** Seconds since 1970. */
  oldest: z.number().nullable(),
});

/** One queue. */
export type QueueLine = z.infer<typeof queue>;

/** The answer to `drupald queue list`. */
export const queuesAnswer = z.looseObject({ queues: z.array(queue) });

const item = z.object({
  id: z.number(),
  /** Seconds since 1970. */
  created: z.number(),
  failures: z.number(),
  aside: z.boolean(),
  reason: z.string(),
  /** Seconds since 1970. */
  failed: z.number(),
  until: z.number(),
  /** 0: it may be claimed again. */
  lease: z.number(),
});

/** One item that has failed. */
export type ItemLine = z.infer<typeof item>;

/** The answer to `drupald queue show`. */
export const itemsAnswer = z.looseObject({ site: z.string(), queue: z.string(), items: z.array(item) });

/** Which items are meant. */
export const itemWish = z.object({
  queue: z.string().min(1),
  site: z.string().optional(),
  item: z.number().int().optional(),
});

/** The answer to `drupald queue retry` and `drupald queue drop`. */
export const itemsChanged = z.looseObject({
  site: z.string(),
  count: z.number(),
  /** A pause of the whole queue is over with that. */
  woken: z.boolean().optional(),
});
