import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { Config } from '../config/config.js';
import { cutLog } from './run-log.js';

/** Milliseconds between two looks. */
const interval = 60_000;

/** Keeps the folder of run logs from growing: the oldest go first. */
export class LogKeeper extends BaseComponent {
  readonly name = 'log-keeper';
  readonly #looks: Repeated;

  /**
   * @param keep logs that stay
   * @param limit bytes of each
   */
  constructor(folder: string, keep: number, limit: number) {
    super();
    this.#looks = new Repeated(() => tidy(folder, keep, limit).catch(() => undefined));
  }

  protected override onStart(): void {
    this.#looks.now();
    this.#looks.start(interval);
  }

  protected override onStop(): Promise<void> {
    return this.#looks.stop();
  }
}

/** Bytes that any log may have. */
export function longestLog({
  output,
  callbacks,
  serviceHosts,
}: Pick<Config, 'output' | 'callbacks' | 'serviceHosts'>): number {
  return Math.max(output.max, ...Object.values(callbacks.output), ...Object.values(serviceHosts.output));
}

/** A program that a run has left behind may still write into its log. */
async function tidy(folder: string, keep: number, limit: number): Promise<void> {
  await prune(folder, keep);
  for (const name of await readdir(folder)) {
    if (name.endsWith('.log')) {
      await cutLog(join(folder, name), limit).catch(() => false);
    }
  }
}

/** Milliseconds after which notes of runs are nobody's any more: their ledger is gone. */
const noteAge = 30 * 86_400_000;

/**
 * Removes the oldest logs of a folder, and notes of runs that nobody has asked for.
 *
 * A log that is still written to is among the newest, unless more runs are in hand
 * than logs may stay; then its text is lost, the run goes on.
 *
 * @returns how many were removed
 */
export async function prune(folder: string, keep: number): Promise<number> {
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const changed = await stat(path).then(
        (found) => found.mtimeMs,
        () => 0,
      );
      return { path, changed, isLog: name.endsWith('.log') };
    }),
  );
  const logs = files.filter(({ isLog }) => isLog).sort((a, b) => b.changed - a.changed);
  // What a worker has left for the next daemon must not go with the logs of others.
  const forgotten = files.filter(({ isLog, changed }) => !isLog && Date.now() - changed > noteAge);
  const old = [...logs.slice(keep), ...forgotten];
  await Promise.all(old.map(({ path }) => rm(path, { force: true })));
  return old.length;
}
