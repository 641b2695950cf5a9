const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/**
 * Reads a size such as `1 MB`, `64k`, `1.5 GiB`; a bare number means bytes. One KB is 1024 bytes, as in PHP.
 *
 * @returns bytes, or null when the text is no size
 */
export function parseBytes(value: string | number): number | null {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? value : null;
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(value.trim());
  if (!match) return null;
  const power = ['', 'k', 'm', 'g', 't'].indexOf((match[2] ?? '').toLowerCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}

/**
 * Writes a size for people: `512 B`, `64 KB`, `1.5 MB`.
 *
 * @param bytes number of bytes
 */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (Math.abs(amount) >= 1024 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${String(Math.round(amount * 10) / 10)} ${UNITS[unit] ?? 'B'}`;
}
