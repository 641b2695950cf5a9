import { statSync } from 'node:fs';

/** How far the time stamps of a file system may lag behind the clock, in milliseconds. */
const stampLag = 20;

/** How a file stood. */
interface Mark {
  readonly path: string;
  readonly mtime: number;
  readonly ctime: number;
  readonly size: number;
  readonly inode: number;
}

/**
 * Whether files are still what they were when something was made from them.
 *
 * It asks the file system each time: a notice of a change can arrive later than
 * the start of a process that must see it.
 */
export class FileWatch {
  readonly #marks: readonly Mark[];
  #changed: string | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param paths files and folders; one that is not there counts, too
   * @param since milliseconds since 1970 when they began to be read: one that was changed later may
   *   have been read before
   */
  constructor(paths: readonly string[], since: number) {
    this.#marks = paths.map(mark);
    this.#changed = this.#marks.find(({ ctime }) => ctime >= since - stampLag)?.path;
  }

  /**
   * A file that has changed, or undefined.
   *
   * @param at monotonic milliseconds (`performance.now()`): an answer that was found later will do
   */
  changedAt(at: number): string | undefined {
    if (this.#changed === undefined && this.#checkedAt <= at) {
      this.#checkedAt = performance.now();
      this.#changed = this.#marks.find(hasChanged)?.path;
    }
    return this.#changed;
  }
}

function mark(path: string): Mark {
  const stat = statSync(path, { throwIfNoEntry: false });
  return {
    path,
    mtime: stat?.mtimeMs ?? 0,
    ctime: stat?.ctimeMs ?? 0,
    size: stat?.size ?? 0,
    inode: stat?.ino ?? 0,
  };
}

function hasChanged(before: Mark): boolean {
  const stat = statSync(before.path, { throwIfNoEntry: false });
  return stat === undefined
    ? before.inode !== 0
    : stat.ctimeMs !== before.ctime ||
        stat.mtimeMs !== before.mtime ||
        stat.size !== before.size ||
        stat.ino !== before.inode;
}
