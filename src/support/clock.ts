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
