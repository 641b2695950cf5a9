/** Milliseconds that clocks of several machines may differ by. */
const tolerance = 60_000;

/** A moment by its label, and by a clock that nobody sets. */
export interface Moment {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Monotonic milliseconds. */
  readonly tick: number;
}

/**
 * Whether the clock was set back since a moment, so that times come again that were before it.
 *
 * @param now milliseconds since 1970
 * @param tick the same moment in monotonic milliseconds
 */
export function wasSetBack(since: Moment, now: number, tick: number): boolean {
  return since.at > now + tolerance || now - since.at < tick - since.tick - tolerance;
}
