import { parseDuration } from '../support/duration.js';

const date = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s?(Z|[+-]\d{2}:?\d{2})?)?$/i;

/**
 * Reads a moment in the past: a length of time that it lies back (`2 h`, `7 d`), or a date with or without a time
 * (`2026-01-31`, `2026-01-31 14:00`, with `Z` or `+01:00` behind it for another time zone than the machine's).
 * A bare number is neither: it could be a year as well as seconds.
 *
 * @param now milliseconds since 1970
 * @returns seconds since 1970, or null when the text is no such moment
 */
export function parseSince(text: string, now = Date.now()): number | null {
  const trimmed = text.trim();
  const match = date.exec(trimmed);
  if (match) return parseDate(match);
  if (/^\d+(\.\d+)?$/.test(trimmed)) return null;
  const ago = parseDuration(trimmed);
  return ago === null ? null : (now - ago) / 1000;
}

function parseDate(match: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = match.slice(1, 6).map((part) => Number(part || 0));
  const second = Number(match[6] ?? 0);
  if (hour > 23 || minute > 59 || second >= 60) return null;
  // The days of a month are the same in every time zone.
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > days) return null;
  const zone = match[7];
  if (zone === undefined) return new Date(year, month - 1, day, hour, minute).getTime() / 1000 + second;
  return Date.UTC(year, month - 1, day, hour, minute) / 1000 + second - offset(zone);
}

/** Seconds by which a zone is ahead. */
function offset(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -60 : 60) * minutes;
}
