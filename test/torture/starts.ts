import { setTimeout as pause } from 'node:timers/promises';
import type { ResultSetHeader } from 'mysql2/promise';
import { insertRow, readRow, startPath } from '../harness/row.js';
import type { Site } from '../harness/site.js';
import { moduleRequest, post, sendAndLeave } from '../harness/wire.js';
import type { Sending, StartStep } from './plan.js';

/**
 * What became of a start as far as its sender can know.
 *
 * - `accepted`: answered with 200; `sent`: its row is there and the sweep has to find it;
 * - `refused`: nobody listened, and the row was removed as the module does;
 * - `uncertain`: the database died while the row was written or removed, so that it may or may not be there.
 */
export type StartState = 'accepted' | 'sent' | 'refused' | 'uncertain';

/** A start that was tried. */
export interface Started {
  readonly handle: string;
  readonly step: StartStep;
  readonly state: StartState;
}

/** Milliseconds between two tries while the database is away. */
const retryPause = 400;

/** Starts a process as the module would: a row, a request, and no row when nobody listens. Answers every handle that it used. */
export async function start(site: Site, port: number, step: StartStep): Promise<Started[]> {
  const tried: Started[] = [];
  const handle = await insert(site, step, tried);
  const { token, start_stamp: stamp } = handle;
  await pause(step.delay);
  const outcomes = await Promise.all(
    step.sendings.map((sending) => dispatch(port, startPath(handle.name, token), sending)),
  );
  let state: StartState = outcomes.includes('ok') ? 'accepted' : 'sent';
  if (outcomes.every((outcome) => outcome === 'refused')) {
    state = await removeRefused(site, handle.name, stamp);
  }
  return [...tried, { handle: handle.name, step, state }];
}

/** A row that is there for certain; each try has a handle of its own, since one that failed may have left a row. */
async function insert(
  site: Site,
  step: StartStep,
  tried: Started[],
): Promise<{ name: string; token: string; start_stamp: string }> {
  const { ending } = step;
  for (let attempt = 0; ; attempt += 1) {
    const name = attempt === 0 ? step.handle : `${step.handle}-again${attempt}`;
    try {
      const token = await insertRow(site, {
        handle: name,
        callback: 'drupald_fixture_torture',
        args: [ending.links ?? 1, ending.how, ...(ending.value === undefined ? [] : [ending.value])],
      });
      const row = await readRow(site, name);
      if (row?.start_stamp !== null && row?.start_stamp !== undefined) {
        return { name, token, start_stamp: row.start_stamp };
      }
    } catch {
      // Told apart below: what this try has left is not known.
    }
    tried.push({ handle: name, step, state: 'uncertain' });
    await pause(retryPause);
  }
}

async function dispatch(
  port: number,
  path: string,
  sending: Sending,
): Promise<'ok' | 'answered' | 'refused' | 'broken'> {
  const request = moduleRequest(path);
  try {
    if (sending === 'whole') {
      return (await post(port, path)).status === 200 ? 'ok' : 'answered';
    }
    await sendAndLeave(port, sending === 'left' ? request : request.slice(0, Math.floor(request.length / 2)));
    return 'broken';
  } catch (error) {
    // The module knows a refused connection from all else, and only then removes its row.
    return (error as { code?: string }).code === 'ECONNREFUSED' ? 'refused' : 'broken';
  }
}

async function removeRefused(site: Site, handle: string, stamp: string): Promise<StartState> {
  let failed = false;
  for (;;) {
    try {
      const [result] = await site.pool.query<ResultSetHeader>(
        'DELETE FROM background_process WHERE handle = ? AND start_stamp = ? AND exec_status = 1',
        [handle, stamp],
      );
      if (result.affectedRows > 0) {
        return 'refused';
      }
      // Removed by a try that was not answered, or taken by a daemon that came back.
      return failed ? 'uncertain' : 'sent';
    } catch {
      failed = true;
      await pause(retryPause);
    }
  }
}
