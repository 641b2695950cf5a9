import { createHash } from 'node:crypto';

import { lastOf, nextOf } from './fires.js';
import type { Rule } from './rule.js';
import { wasSetBack } from './set-back.js';
import type { Zone } from './zone.js';

const minute = 60_000;

/** Milliseconds that an entry waits beyond its period, where the clock was set back: another daemon may be about to fire it. */
const slack = 5_000;

/** Part of a period within which an entry begins: what comes later is taken for the next time. */
const widest = 0.75;

/** What decides when an entry runs. Times are milliseconds. */
export interface EntryTimes {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly zone: Zone;
  readonly jitter: number;
  readonly catchUp: number;
}

/** The time for which an entry was fired last: by its label, and by a clock that nobody sets. */
export interface Fired {
  /** Milliseconds since 1970. */
  readonly due: number;
  /** Monotonic milliseconds. */
  readonly tick: number;
}

/** What is to be done about an entry. Times are milliseconds since 1970. */
export interface EntryDue {
  /** The time for which it is to begin now; undefined: it is not. */
  readonly due?: number;
  /** When it should have begun, by chance a little after its time. */
  readonly start?: number;
  /** The clock was set back: this time may have been fired before. */
  readonly again?: boolean;
  /** When to look again. */
  readonly wake: number;
}

/**
 * Whether an entry is due: when the last time that its rules name has not been fired, and does not lie
 * further back than it may catch up.
 *
 * Where the clock was set back, times that were fired already come again. Then a clock that nobody sets
 * decides: a whole period after it was fired last it fires again.
 *
 * @param now milliseconds since 1970
 * @param tick the same moment in monotonic milliseconds
 */
export function entryDue(entry: EntryTimes, fired: Fired | undefined, now: number, tick: number): EntryDue {
  const { rules, zone, catchUp } = entry;
  const next = nextOf(rules, zone, now);
  const later = next === undefined ? Infinity : next + jitterOf(entry, next);
  const last = lastOf(rules, zone, now);
  if (last === undefined) return { wake: later };
  const start = last + jitterOf(entry, last);
  if (!fired || fired.due < last) {
    // Within its own minute it is never late.
    if (now >= start + Math.max(catchUp, minute)) return { wake: later };
    return now < start ? { wake: start } : { due: last, start, wake: later };
  }
  const passed = tick - fired.tick;
  if (!wasSetBack({ at: fired.due, tick: fired.tick }, now, tick)) return { wake: later };
  const after = nextOf(rules, zone, last);
  const left = after === undefined ? Infinity : after - last + slack - passed;
  return left > 0 ? { wake: Math.min(later, now + left) } : { due: last, start, again: true, wake: later };
}

/** The instants at which an entry begins, ascending, from `from` on (milliseconds since 1970). */
export function* startsOf(entry: EntryTimes, from: number): Generator<number> {
  for (let at = nextOf(entry.rules, entry.zone, from - entry.jitter - 1); at !== undefined;) {
    const start = at + jitterOf(entry, at);
    if (start >= from) yield start;
    at = nextOf(entry.rules, entry.zone, at);
  }
}

/** Milliseconds by which an entry begins later than it is due; the same on every daemon, and well within its period. */
export function jitterOf({ name, rules, zone, jitter }: EntryTimes, due: number): number {
  if (jitter === 0) return 0;
  const next = nextOf(rules, zone, due) ?? Infinity;
  const chance = createHash('sha1').update(`${name} ${due}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(chance * Math.min(jitter, (next - due) * widest));
}
