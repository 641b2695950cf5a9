import { createHash } from 'node:crypto';

/** The number that `@` stands for in the rules of a job: the last byte of the SHA-1 of its name (contract cron.md §2.4). */
export function skewOf(job: string): number {
  return createHash('sha1').update(job).digest().at(-1) ?? 0;
}
