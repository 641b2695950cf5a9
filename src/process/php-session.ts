import { readPhpFrom, type PhpArray, type PhpValue } from './php-value.js';

/**
 * Reads a session as PHP writes it: names, each with a line and its value behind it.
 *
 * @returns what could be read; what stands behind something else is left out
 */
export function readPhpSession(bytes: Buffer): PhpArray {
  const members = new Map<string, PhpValue>();
  let at = 0;
  while (at < bytes.length) {
    const line = bytes.indexOf('|', at, 'latin1');
    if (line < 0) break;
    const name = bytes.toString('utf8', at, line);
    try {
      const { value, end } = readPhpFrom(bytes, line + 1);
      members.set(name, value);
      at = end;
    } catch {
      break;
    }
  }
  return members;
}
