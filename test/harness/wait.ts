import { waitFor as waitAtMost } from '../../src/demo/wait.js';

/** Upper bound of every wait, in milliseconds. It only ends tests that would fail anyway; shorten it to look for a fault. */
export const WAIT_LIMIT_MS = Number(process.env['DRUPALD_TEST_WAIT_MS'] ?? 30_000);

/**
 * Asks `condition` again and again until it answers something other than undefined, null or false.
 *
 * @throws Error naming `what` and the last answer of `seen` when the limit is reached.
 */
export function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { what: string; limitMs?: number; seen?: () => unknown },
): Promise<Exclude<T, undefined | null | false>> {
  return waitAtMost(condition, { limitMs: WAIT_LIMIT_MS, ...options });
}
