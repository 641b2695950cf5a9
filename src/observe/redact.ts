const SECRET = /token|cookie|authorization|password|passwd|secret/i;
const HIDDEN = '[hidden]';
const MAX_DEPTH = 6;

/** The same value with everything hidden that is named like a secret, and with errors as plain data. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (depth >= MAX_DEPTH) return '[…]';
  if (value instanceof Error) {
    const { code } = value as NodeJS.ErrnoException;
    return { name: value.name, message: redactText(value.message), ...(code === undefined ? {} : { code }) };
  }
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `[${String(value.length)} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    result[key] = SECRET.test(key) && typeof item !== 'boolean' ? HIDDEN : redact(item, depth + 1);
  }
  return result;
}

/** Hides what stands in a text where a start URL holds its token, and passwords in addresses. */
export function redactText(text: string): string {
  return text
    .replace(/(bgp(?:-|:|%3a)start\/)([^\s"'?#&]*)/gi, (whole, start: string, rest: string) => {
      const segments = rest.replace(/\/+$/, '').split('/');
      // Handle first, token after it; where more follows it is not known which one is the token.
      return segments.length < 2 ? whole : `${start}${segments[0] ?? ''}/${HIDDEN}`;
    })
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${HIDDEN}@`);
}
