import type * as Bullmq from 'bullmq';
import type * as Ioredis from 'ioredis';

/** The packages that only a daemon with a shared backlog needs. */
export interface RedisParts {
  readonly bullmq: typeof Bullmq;
  readonly ioredis: typeof Ioredis;
}

let parts: Promise<RedisParts> | undefined;

/**
 * Loads what talks to Redis, once. A daemon that root starts calls it before it gives root up, because it may
 * not be able to read its own folder afterwards.
 */
export function loadRedisParts(): Promise<RedisParts> {
  parts ??= Promise.all([import('bullmq'), import('ioredis')]).then(([bullmq, ioredis]) => ({ bullmq, ioredis }));
  return parts;
}
