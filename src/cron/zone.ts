import { Temporal } from 'temporal-polyfill';

/** A stretch of time during which a zone's clock is not changed; instants are milliseconds since 1970. */
export interface ZoneSpan {
  /** First instant; -Infinity: the clock was never changed before. */
  readonly start: number;
  /** First instant after it; Infinity: the clock is not changed any more. */
  readonly end: number;
  /** Milliseconds that local time is ahead of UTC. */
  readonly offset: number;
  /** The offset just before `start`. */
  readonly before: number;
}

/** Changes of the clock in one zone, read as they are needed. */
export class Zone {
  readonly name: string;
  readonly #spans: ZoneSpan[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  /** The zone of a name as PHP and the system know it, for instance `Europe/Tallinn`; undefined: there is none. */
  static named(name: string): Zone | undefined {
    try {
      Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
      return new Zone(name);
    } catch {
      return undefined;
    }
  }

  /** The zone of a name, or UTC where there is none. */
  static orUtc(name: string | undefined): Zone {
    return Zone.named(name ?? '') ?? new Zone('UTC');
  }

  /** The span in which an instant lies. */
  at(instant: number): ZoneSpan {
    const known = this.#spans.find((span) => span.start <= instant && instant < span.end);
    if (known) return known;
    const span = this.#read(instant);
    this.#spans.push(span);
    return span;
  }

  #read(instant: number): ZoneSpan {
    const there = this.#moment(instant);
    const next = there.getTimeZoneTransition('next');
    // One later, because a change that happens at this very instant has happened.
    const last = this.#moment(instant + 1).getTimeZoneTransition('previous');
    const offset = Math.round(there.offsetNanoseconds / 1e6);
    return {
      start: last?.epochMilliseconds ?? -Infinity,
      end: next?.epochMilliseconds ?? Infinity,
      offset,
      before: last ? Math.round(this.#moment(last.epochMilliseconds - 1).offsetNanoseconds / 1e6) : offset,
    };
  }

  #moment(instant: number): Temporal.ZonedDateTime {
    return Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(this.name);
  }

  /** An instant in the zone's time, for instance `2024-03-31T04:00:00+03:00`. */
  format(instant: number): string {
    const { offset } = this.at(instant);
    const minutes = Math.abs(Math.round(offset / 60_000));
    const two = (value: number): string => String(value).padStart(2, '0');
    const sign = offset < 0 ? '-' : '+';
    const local = new Date(instant + offset).toISOString().slice(0, 19);
    return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  }

  /** The instant of a local time without offset, or of one that names its offset; undefined: it cannot be read. */
  parse(text: string): number | undefined {
    try {
      if (/t.*(?:z|[+-]\d\d:?\d\d)$/i.test(text)) return Temporal.Instant.from(text).epochMilliseconds;
      return Temporal.PlainDateTime.from(text).toZonedDateTime(this.name).epochMilliseconds;
    } catch {
      return undefined;
    }
  }
}
