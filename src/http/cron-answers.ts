import { z } from 'zod';

const job = z.object({
  site: z.string(),
  name: z.string(),
  /** In words or as rules. */
  rule: z.string(),
  zone: z.string(),
  state: z.enum(['waiting', 'running', 'off', 'maintenance', 'not installed', 'unusable', 'unknown']),
  /** Seconds since 1970. */
  last: z.number().nullable(),
  next: z.number().nullable(),
  /** How the last run ended, as far as this daemon has seen it. */
  outcome: z.string().nullable(),
  /** Milliseconds that the last run of this daemon began after its time. */
  lateMs: z.number().nullable(),
  /** What it does now. */
  step: z.string().nullable(),
});

/** One job that runs at set times. */
export type CronJob = z.infer<typeof job>;

/** The answer to `drupald cron`. */
export const cronAnswer = z.looseObject({ jobs: z.array(job) });

/** What is asked: from when on (ISO 8601; undefined: now), and how many. */
export const nextWish = z.object({ at: z.string().optional(), count: z.coerce.number().int().min(1).max(10_000) });

/** The answer to `drupald cron next`. */
export const nextAnswer = z.looseObject({
  runs: z.array(z.object({ site: z.string(), name: z.string(), at: z.string(), zone: z.string() })),
});

/** Which job is meant. */
export const cronWish = z.object({ name: z.string().min(1), site: z.string().optional() });

/** The answer to `drupald cron run`. */
export const cronStarted = z.looseObject({ site: z.string(), handle: z.string() });
