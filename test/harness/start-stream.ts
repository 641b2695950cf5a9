import { expect } from 'vitest';
import type { Caller } from './caller.js';
import { detail, events } from './fixture-log.js';
import { newHandle } from './run.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

const CALLBACK = 'drupald_fixture_environment';

/** Starts one process after the other, as fast as the module can, until it is stopped. */
export class StartStream {
  /** Starts that the module said it has made. */
  readonly started: string[] = [];
  /** Starts that the module said it could not make. */
  readonly failed: string[] = [];
  readonly #callers: readonly Caller[];
  readonly #lanes: Promise<void>[];
  #ended = false;

  private constructor(callers: readonly Caller[]) {
    this.#callers = callers;
    this.#lanes = callers.map((caller) => this.#send(caller));
  }

  /** Begins with two callers of their own, whose settings are those of now. */
  static async open(site: Site): Promise<StartStream> {
    return new StartStream([await site.caller(), await site.caller()]);
  }

  async #send(caller: Caller): Promise<void> {
    while (!this.#ended) {
      const handle = newHandle('stream');
      const answer = await caller.startLocked(handle, CALLBACK);
      (answer === handle ? this.started : this.failed).push(handle);
    }
  }

  /** Waits until so many more starts have been tried. */
  async more(count: number): Promise<void> {
    const wanted = this.started.length + this.failed.length + count;
    await waitFor(() => this.started.length + this.failed.length >= wanted, { what: `${count} more starts` });
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#lanes);
    await Promise.all(this.#callers.map((caller) => caller.close()));
  }
}

/**
 * Waits until each of these has run and its row is gone; fails when one ran twice.
 *
 * @returns how many ran under each PHP_SAPI
 */
export async function ranOnce(site: Site, handles: readonly string[]): Promise<Record<string, number>> {
  const missing = async (): Promise<string[]> => {
    const ran = new Set((await events(site, undefined, 'environment')).map((found) => found.handle));
    return handles.filter((handle) => !ran.has(handle));
  };
  const rows = () => site.sql<{ handle: string }>('SELECT handle, exec_status FROM {background_process}');
  await waitFor(async () => (await missing()).length === 0, {
    what: 'every start to run',
    seen: async () => ({ missing: await missing(), rows: await rows() }),
  });
  await waitFor(async () => !(await rows()).some(({ handle }) => handles.includes(handle)), {
    what: 'the rows to go',
    seen: rows,
  });
  const wanted = new Set(handles);
  const runs = (await events(site, undefined, 'environment')).filter((found) => wanted.has(found.handle));
  const twice = runs.filter((found, i) => runs.findIndex((other) => other.handle === found.handle) !== i);
  expect(twice).toEqual([]);
  const count: Record<string, number> = {};
  for (const run of runs) {
    const { sapi } = detail(run) as { sapi: string };
    count[sapi] = (count[sapi] ?? 0) + 1;
  }
  return count;
}
