import ms, { type StringValue } from 'ms';

/**
 * Reads a length of time such as `30 s`, `500ms`, `1.5 h` or `1 h 30 min`; a bare number means seconds.
 *
 * @returns milliseconds, or null when the text is no length of time
 */
export function parseDuration(value: string | number): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value * 1000 : null;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?\s*[a-z]+\s*)+$/i.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/gi)) {
    // The package answers undefined for a unit that it does not know, whatever its types say.
    const part = ms(`${amount ?? ''} ${unit ?? ''}` as StringValue) as number | undefined;
    if (part === undefined) return null;
    total += part;
  }
  return total;
}

/**
 * Writes a length of time for people: `350 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
 *
 * @param ms milliseconds
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 999.5) return `${String(Math.round(ms))} ms`;
  if (ms < 59_950) return `${String(Math.round(ms / 100) / 10)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(ms / 3_600_000);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(big: number, bigUnit: string, small: number, smallUnit: string): string {
  const first = `${String(big)} ${bigUnit}`;
  return small === 0 ? first : `${first} ${String(small)} ${smallUnit}`;
}
