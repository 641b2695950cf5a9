import { appendFile, stat, truncate, unlink } from 'node:fs/promises';

import type { Outcome } from '../process/outcome.js';

/** Appended where the rest was cut off; the shim writes the same words. */
export const cutMark = '\n[drupald: the output is longer than its limit; the rest was cut]\n';

/**
 * Keeps a run's log within its limit.
 *
 * PHP limits itself; programs that a callback starts write to the same file
 * without asking, so the file is cut when it has grown past the limit.
 *
 * @param limit bytes
 * @returns whether it was cut
 */
export async function cutLog(file: string, limit: number): Promise<boolean> {
  const size = await sizeOf(file);
  // The shim's own mark, and what PHP's error log adds at the end, stand behind the limit.
  if (size <= limit + cutMark.length + 65_536) {
    return false;
  }
  await truncate(file, limit);
  await appendFile(file, cutMark);
  return true;
}

/** Writes the last line of a run's log, or removes a log that holds nothing. */
export async function closeLog(file: string, limit: number, outcome: Outcome): Promise<void> {
  if (outcome.sentence !== '') {
    await cutLog(file, limit);
    await appendFile(file, `[drupald: ${outcome.sentence}]\n`);
    return;
  }
  if ((await sizeOf(file)) === 0) {
    await unlink(file).catch(() => undefined);
    return;
  }
  await cutLog(file, limit);
}

/** Size of a file in bytes; 0: it is not there. */
export async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
