import { setTimeout as pause } from 'node:timers/promises';

/** Upper bound of a wait that names none, in milliseconds. */
const LIMIT_MS = 30_000;

/**
 * Asks `condition` again and again until it answers something other than undefined, null or false.
 *
 * @throws Error naming `what` and the last answer of `seen` when the limit is reached.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { what: string; limitMs?: number; seen?: () => unknown },
): Promise<Exclude<T, undefined | null | false>> {
  const limit = options.limitMs ?? LIMIT_MS;
  const end = performance.now() + limit;
  let last: unknown;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false) {
      return value as Exclude<T, undefined | null | false>;
    }
    last = options.seen === undefined ? value : await options.seen();
    if (performance.now() > end) {
      throw new Error(`Waited ${limit} ms for ${options.what}; last seen: ${describe(last)}`);
    }
    await pause(20);
  }
}

function describe(value: unknown): string {
  const text = typeof value === 'string' ? value : ((JSON.stringify(value) as string | undefined) ?? 'nothing');
  return text.length > 4000 ? `${text.slice(0, 4000)}…` : text;
}
