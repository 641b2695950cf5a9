import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { z } from 'zod';

import type { Outcome, OutcomeKind } from '../process/outcome.js';

/** Ends in which a process took its worker with it. */
const crashes: ReadonlySet<OutcomeKind> = new Set(['signalled', 'lost', 'out-of-memory', 'fatal']);

/** Handles that are remembered at most; the one that crashed longest ago is forgotten first. */
const limit = 10_000;

/** How many times as long as it took to write the file nothing is written to it. */
const restShare = 9;

const book = z.record(z.string(), z.array(z.object({ at: z.number(), sentence: z.string() })));

/** One crash: when (milliseconds since 1970), and the sentence about it. */
export interface Crash {
  readonly at: number;
  readonly sentence: string;
}

/** When a process is set aside. */
export interface CrashLimit {
  /** Crashes; 0: never. */
  readonly after: number;
  /** Milliseconds. */
  readonly within: number;
}

/**
 * Remembers which processes have crashed lately, over restarts of the daemon: one that
 * takes worker after worker with it is not started again and again.
 */
export class CrashBook {
  readonly #file: string;
  readonly #limit: CrashLimit;
  readonly #crashes = new Map<string, Crash[]>();
  #writing: Promise<unknown> = Promise.resolve();
  #rest: Promise<unknown> = Promise.resolve();
  /** False: what is remembered now will be written as soon as the file is free. */
  #isSaved = true;

  /** @param dir state directory */
  constructor(dir: string, crashLimit: CrashLimit) {
    this.#file = join(dir, 'crashes.json');
    this.#limit = crashLimit;
    try {
      for (const [key, found] of Object.entries(book.parse(JSON.parse(readFileSync(this.#file, 'utf8'))))) {
        this.#crashes.set(key, found);
      }
    } catch {
      // None yet, or not to be read: then the counting begins anew.
      return;
    }
  }

  /** Takes note of an end. Good ones between do not count: every second link of a chain may be the one that crashes. */
  note(site: string, handle: string, outcome: Outcome, now = Date.now()): void {
    const key = keyOf(site, handle);
    if (!crashes.has(outcome.kind)) {
      return;
    }
    const recent = [...this.#recent(key, now), { at: now, sentence: outcome.sentence }];
    this.#crashes.delete(key);
    this.#crashes.set(key, recent.slice(-Math.max(1, this.#limit.after)));
    this.#forgetOld(now);
    const [oldest] = this.#crashes.keys();
    if (this.#crashes.size > limit && oldest !== undefined) {
      this.#crashes.delete(oldest);
    }
    this.#save();
  }

  /** The crashes for which a process must not be started again; undefined: it may. */
  evidence(site: string, handle: string, now = Date.now()): readonly Crash[] | undefined {
    const recent = this.#recent(keyOf(site, handle), now);
    return this.#limit.after > 0 && recent.length >= this.#limit.after ? recent : undefined;
  }

  /** Begins to count anew. */
  forget(site: string, handle: string): void {
    if (this.#crashes.delete(keyOf(site, handle))) {
      this.#save();
    }
  }

  /** Resolves when everything noted so far stands on disk, or cannot. */
  get written(): Promise<unknown> {
    return this.#writing;
  }

  #recent(key: string, now: number): Crash[] {
    return (this.#crashes.get(key) ?? []).filter(({ at }) => Math.abs(now - at) <= this.#limit.within);
  }

  /** Those whose crashes are too long ago stand first. */
  #forgetOld(now: number): void {
    for (const key of this.#crashes.keys()) {
      if (this.#recent(key, now).length > 0) {
        return;
      }
      this.#crashes.delete(key);
    }
  }

  #save(): void {
    if (!this.#isSaved) {
      return;
    }
    this.#isSaved = false;
    const written = this.#rest.then(() => this.#write());
    this.#writing = written;
    // Thousands that crash together must not keep the daemon busy with writing them down.
    this.#rest = written.then((took) => pause(took * restShare));
  }

  /** Milliseconds that it took. */
  async #write(): Promise<number> {
    const began = performance.now();
    this.#isSaved = true;
    try {
      await writeFile(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#crashes)), { mode: 0o600 });
      await rename(`${this.#file}.new`, this.#file);
    } catch {
      // A full disk costs the memory over a restart.
    }
    return performance.now() - began;
  }
}

/** The column compares handles without case. */
function keyOf(site: string, handle: string): string {
  return `${site} ${handle.toLowerCase()}`;
}
