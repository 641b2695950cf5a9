import { existsSync } from 'node:fs';
import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Debian's library that shows programs another time; its folder is named by the machine's kind. */
async function findLibrary(): Promise<string | undefined> {
  for (const folder of await readdir('/usr/lib').catch(() => [])) {
    const file = join('/usr/lib', folder, 'faketime/libfaketimeMT.so.1');
    if (existsSync(file)) {
      return file;
    }
  }
  return undefined;
}

const library = await findLibrary();

/** Whether programs can be shown another time here. */
export const hasFakeClock = library !== undefined;

/** A clock that can be set while programs look at it. */
export class FakeClock {
  readonly #file: string;
  #offset = 0;

  private constructor(file: string) {
    this.#file = file;
  }

  /** @param file that is made for it */
  static async at(file: string): Promise<FakeClock> {
    const clock = new FakeClock(file);
    await clock.shift(0);
    await chmod(file, 0o644);
    return clock;
  }

  /** What a program needs in its environment to see this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
      // Else every file changes with the clock.
      NO_FAKE_STAT: '1',
    };
  }

  /** Milliseconds since 1970, as programs see them. */
  get now(): number {
    return Date.now() + this.#offset;
  }

  /** Sets it to a moment, such as `2027-10-31T00:29:56Z`. */
  set(moment: string): Promise<void> {
    return this.shift(Date.parse(moment) - Date.now());
  }

  /** Sets it so many milliseconds from the real time. */
  async shift(offset: number): Promise<void> {
    this.#offset = offset;
    await writeFile(this.#file, `${offset < 0 ? '-' : '+'}${(Math.abs(offset) / 1000).toFixed(3)}\n`);
  }
}
