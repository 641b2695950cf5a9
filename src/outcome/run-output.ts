import { open, type FileHandle } from 'node:fs/promises';

import type { RunOutput } from '../process/ended-run.js';

/** Lines of each part at most. */
const lineLimit = 20;

/** Bytes of each part at most. */
const byteLimit = 4096;

/**
 * The first and the last lines of a run's log.
 *
 * @returns undefined: there is no log, or it is empty
 */
export async function readOutput(file: string): Promise<RunOutput | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch {
    return undefined;
  }
  try {
    const { size } = await handle.stat();
    if (size === 0) {
      return undefined;
    }
    const head = firstLines(await read(handle, 0, Math.min(size, byteLimit)), size > byteLimit);
    const from = Math.max(head.length, size - byteLimit);
    const tail = lastLines(await read(handle, from, size - from), from > head.length);
    return { head: decode(head), tail: decode(tail), bytes: size };
  } catch {
    // Cut or removed meanwhile.
    return undefined;
  } finally {
    await handle.close();
  }
}

async function read(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}

/** @param broken whether the last line goes on behind the text */
function firstLines(text: Buffer, broken: boolean): Buffer {
  let end = 0;
  for (let lines = 0; lines < lineLimit; lines += 1) {
    const next = text.indexOf(10, end);
    if (next === -1) {
      // One line that is longer than all that is read is kept in part.
      return broken && end > 0 ? text.subarray(0, end) : text;
    }
    end = next + 1;
  }
  return text.subarray(0, end);
}

/** @param broken whether the first line began before the text */
function lastLines(text: Buffer, broken: boolean): Buffer {
  let begin = text.length;
  for (let lines = 0; lines < lineLimit; lines += 1) {
    if (begin === 0) {
      return text;
    }
    // A newline at the very end closes the last line, it opens none.
    const before = begin < 2 ? -1 : text.lastIndexOf(10, begin - 2);
    if (before === -1) {
      return broken && begin < text.length ? text.subarray(begin) : text;
    }
    begin = before + 1;
  }
  return text.subarray(begin);
}

function decode(text: Buffer): string {
  return text.toString('utf8');
}
