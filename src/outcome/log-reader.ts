import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** Bytes that are read at once. */
const block = 65_536;

/** Bytes of a line that has not ended after which it is passed on all the same. */
const patience = 8_192;

/** Milliseconds between two looks at a log that is still written to. */
const tick = 200;

const newline = 10;

/** How a log is read. */
export interface ReadLogOptions {
  /** Only the last lines; undefined: all. */
  readonly lines?: number | undefined;
  /** Whether the run still prints; then its end is waited for. */
  readonly live: () => boolean;
  /** Ends the reading early. */
  readonly signal: AbortSignal;
}

/**
 * The text of a run's log in pieces of whole lines, and what comes to it while the
 * run lives. Nothing when there is no such file.
 *
 * @throws what the file system throws, except that the file is missing
 */
export async function* readLog(file: string, { lines, live, signal }: ReadLogOptions): AsyncGenerator<string> {
  let from: number | undefined;
  let rest: Buffer = Buffer.alloc(0);
  while (!signal.aborted) {
    // Asked first: what is printed until the end is there when it is read afterwards.
    const more = live();
    const handle = await openLog(file);
    if (handle) {
      try {
        from ??= lines === undefined ? 0 : await beginOfLast(handle, lines);
        // A log that was cut has become shorter.
        from = Math.min(from, (await handle.stat()).size);
        for (
          let piece = await readAt(handle, from, block);
          piece.length > 0;
          piece = await readAt(handle, from, block)
        ) {
          from += piece.length;
          rest = Buffer.concat([rest, piece]);
          const end = rest.length > patience ? wholeEnd(rest) : rest.lastIndexOf(newline) + 1;
          if (end > 0) {
            yield rest.toString('utf8', 0, end);
            rest = rest.subarray(end);
          }
        }
      } finally {
        await handle.close();
      }
    }
    if (!more) {
      break;
    }
    await pause(tick, undefined, { signal }).catch(() => undefined);
  }
  if (rest.length > 0) {
    yield rest.toString('utf8');
  }
}

/** Whether there is such a file with something in it. */
export async function hasLog(file: string): Promise<boolean> {
  const handle = await openLog(file);
  if (!handle) {
    return false;
  }
  try {
    return (await handle.stat()).size > 0;
  } finally {
    await handle.close();
  }
}

async function openLog(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

async function readAt(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, from);
  return buffer.subarray(0, bytesRead);
}

/** Where the last line ends that is whole, or the last character. */
function wholeEnd(text: Buffer): number {
  const line = text.lastIndexOf(newline) + 1;
  if (line > 0) {
    return line;
  }
  let end = text.length;
  // Bytes of a character that goes on begin with the bits 10.
  while (end > text.length - 4 && end > 1 && ((text[end - 1] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return end - 1;
}

/** Where the last lines begin. */
async function beginOfLast(handle: FileHandle, lines: number): Promise<number> {
  const { size } = await handle.stat();
  if (lines === 0) {
    return size;
  }
  let missing = lines;
  for (let end = size; end > 0;) {
    const begin = Math.max(0, end - block);
    const piece = await readAt(handle, begin, end - begin);
    for (let at = piece.lastIndexOf(newline); at !== -1; at = at === 0 ? -1 : piece.lastIndexOf(newline, at - 1)) {
      // The newline at the very end closes the last line.
      if (begin + at < size - 1) {
        missing -= 1;
        if (missing === 0) {
          return begin + at + 1;
        }
      }
    }
    end = begin;
  }
  return 0;
}
