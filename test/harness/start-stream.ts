import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Caller } from './caller.js';
import { detail, events } from './fixture-log.js';
import { newHandle } from './run.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

const CALLBACK = 'drupald_fixture_environment';

/** Milliseconds between two starts of a caller: the load of a busy site, not a flood that fills every queue on its way. */
const PACE_MS = 40;

/** Starts processes by two callers, in an even stream, while something happens to those who run them. */
export class StartStream {
  /** Starts that the module said it has made. */
  readonly started: string[] = [];
  /** Starts that the module said it could not make. */
  readonly failed: string[] = [];
  readonly #callers: readonly Caller[];

  private constructor(callers: readonly Caller[]) {
    this.#callers = callers;
  }

  /** Two callers whose settings are those of now. */
  static async open(site: Site): Promise<StartStream> {
    return new StartStream([await site.caller(), await site.caller()]);
  }

  async #start(caller: Caller): Promise<void> {
    const handle = newHandle('stream');
    const answer = await caller.startLocked(handle, CALLBACK);
    (answer === handle ? this.started : this.failed).push(handle);
    await pause(PACE_MS);
  }

  /** Starts so many. */
  async send(count: number): Promise<void> {
    for (let i = 0; i < count; i += this.#callers.length) {
      await Promise.all(this.#callers.map((caller) => this.#start(caller)));
    }
  }

  /** Starts as long as something goes on, and a few before and after it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    await this.send(6);
    let over = false;
    const working = work().finally(() => {
      over = true;
    });
    const sending = this.#callers.map(async (caller) => {
      while (!over) await this.#start(caller);
    });
    const [result] = await Promise.all([working, ...sending]);
    await this.send(6);
    return result;
  }

  /** Ends the callers. */
  async close(): Promise<void> {
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
