import { performance } from 'node:perf_hooks';

/** Milliseconds on a clock that never jumps; only differences mean something. */
export function monotonicMs(): number {
  return performance.now();
}

/** Milliseconds since 1970 on the wall clock, which may jump. */
export function wallMs(): number {
  return Date.now();
}

/** A source of time that tests can replace. */
export interface Clock {
  /** Milliseconds that never jump. */
  monotonicMs(): number;
  /** Milliseconds since 1970. */
  wallMs(): number;
}

/** The clock of the machine. */
export const systemClock: Clock = { monotonicMs, wallMs };

/**
 * By how many seconds another clock is ahead of this one, as far as that is certain: it was
 * read at some moment in between.
 *
 * @param theirs seconds since 1970 by the other clock
 * @param before milliseconds since 1970, before it was read
 * @param after the same, when its answer was here
 * @returns negative: it is behind; 0: nothing shows that it differs
 */
export function clockAhead(theirs: number, before: number, after: number): number {
  const [least, most] = [theirs - after / 1000, theirs - before / 1000];
  return least > 0 ? least : Math.min(most, 0);
}
