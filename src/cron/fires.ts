import { matchesDate, type Rule } from './rule.js';
import type { Zone, ZoneSpan } from './zone.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How far is looked for a match, back and ahead: 28 years hold every combination of date and weekday, 40 also over 2100. */
const horizon = 40 * 366 * day;

/**
 * The instants at which a rule fires, ascending, from `from` up to but not including `to` (milliseconds since 1970).
 *
 * The law of time: rules are read in the zone's local time. In a stretch that a clock change repeats, rules
 * with an open hour fire in both passes and rules with a fixed hour in the first. Times in a stretch that a
 * change skips fire once, at the first minute after it; for rules of every hour a change of whole hours skips nothing.
 */
export function* fires(rule: Rule, zone: Zone, from: number, to: number): Generator<number> {
  for (let at = from; at < to;) {
    const span = zone.at(at);
    const end = Math.min(to, span.end);
    let made: number | undefined;
    if (span.start >= from && firesInGap(rule, span)) {
      made = Math.ceil(span.start / minute) * minute;
      yield made;
    }
    const shift = span.offset - span.before;
    // Local time up to which the last span has been through already.
    const repeated = shift < 0 && !rule.anyHour ? span.start + span.before : -Infinity;
    for (const local of localTimes(rule, at + span.offset, end + span.offset)) {
      if (local >= repeated && local - span.offset !== made) {
        yield local - span.offset;
      }
    }
    at = end;
  }
}

/** The instants at which any of several rules fires, ascending, each once. */
export function* firesOfAll(rules: readonly Rule[], zone: Zone, from: number, to: number): Generator<number> {
  const sources = rules.map((rule) => fires(rule, zone, from, to));
  const heads = sources.map((source) => source.next());
  for (;;) {
    const next = Math.min(...heads.map((head) => (head.done ? Infinity : head.value)));
    if (next === Infinity) return;
    yield next;
    for (const [index, source] of sources.entries()) {
      const head = heads[index];
      if (head && !head.done && head.value === next) heads[index] = source.next();
    }
  }
}

/** The last instant at which a rule fired, up to and including `now`; undefined: not within 40 years. */
export function lastFire(rule: Rule, zone: Zone, now: number): number | undefined {
  let to = now + 1;
  for (let back = hour; back <= horizon; back *= 4) {
    let last: number | undefined;
    for (const fire of fires(rule, zone, now + 1 - back, to)) last = fire;
    if (last !== undefined) return last;
    to = now + 1 - back;
  }
  return undefined;
}

/** The first instant after `now` at which a rule fires; undefined: not within 40 years. */
export function nextFire(rule: Rule, zone: Zone, now: number): number | undefined {
  for (const fire of fires(rule, zone, now + 1, now + horizon)) return fire;
  return undefined;
}

/** Whether a rule would have fired in the local time that the clock change at the begin of a span skips. */
function firesInGap(rule: Rule, span: ZoneSpan): boolean {
  const skipped = span.offset - span.before;
  if (!(skipped > 0) || (rule.allHours && skipped % hour === 0)) {
    return false;
  }
  const times = localTimes(rule, span.start + span.before, span.start + span.offset);
  return !times.next().done;
}

/** Local times that a rule names, ascending; local times are written as if they were UTC. */
function* localTimes(rule: Rule, from: number, to: number): Generator<number> {
  for (let date = Math.floor(from / day) * day; date < to; date += day) {
    if (!matchesDate(rule, new Date(date))) continue;
    for (const hours of rule.hours) {
      const start = date + hours * hour;
      if (start + hour <= from) continue;
      if (start >= to) return;
      for (const minutes of rule.minutes) {
        const time = start + minutes * minute;
        if (time >= to) return;
        if (time >= from) yield time;
      }
    }
  }
}

/** The last time up to and including `now` that one of the rules names; undefined: none. */
export function lastOf(rules: readonly Rule[], zone: Zone, now: number): number | undefined {
  const found = rules.map((rule) => lastFire(rule, zone, now)).filter((at) => at !== undefined);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** The first time after `now` that one of the rules names; undefined: none. */
export function nextOf(rules: readonly Rule[], zone: Zone, now: number): number | undefined {
  const found = rules.map((rule) => nextFire(rule, zone, now)).filter((at) => at !== undefined);
  return found.length === 0 ? undefined : Math.min(...found);
}
