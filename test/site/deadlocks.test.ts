import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import {
  type Crossing,
  failAsVictims,
  failNoMore,
  prepareDeadlock,
  prepareLockDeadlock,
  victimsLeft,
} from '../harness/deadlocks.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { replaceFile } from '../harness/replace-file.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';

/** Of a row: once, and again for whoever comes after. */
const often = [1, 3];

/** Of locks: once, and more often than the worker, a helper and the daemon together try it at once. */
const oftenLocks = [1, 7];

describeSites('a deadlock in the database', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });
  let crossing: Crossing | undefined;

  afterEach(async () => {
    await crossing?.release();
    crossing = undefined;
    await failNoMore(bench.site);
  });

  /** A process that waits behind its gate; its worker's process id. */
  async function behindGate(end = 'return'): Promise<{ handle: string; pid: number }> {
    const handle = newHandle(`gate-${end}`);
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle, end]);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  /** It has run once, its hook was told once, and nothing is left. */
  async function endedOnce(handle: string, outcome: string): Promise<void> {
    // It may be told before it could be settled.
    await finished(bench, handle);
    await nothingLeft(bench.site, bench.daemon);
    const { ended, shutdowns } = await finished(bench, handle);
    expect(ended['outcome']).toBe(outcome);
    expect(shutdowns.map(({ message }) => message)).toEqual([ended['sentence'] ?? null]);
    expect(bench.daemon.lines.filter((line) => line.event === 'run.ended' && line['handle'] === handle)).toHaveLength(
      1,
    );
  }

  const ofHandle = (handle: string): string => `OLD.handle = '${handle}'`;

  const ends = [
    ['return', 'completed'],
    ['throw', 'threw'],
    ['exit', 'exited'],
    ['kill', 'signalled'],
  ] as const;

  test.each(ends)('that ends the removal of the row: %s', async (end, outcome) => {
    const { handle } = await behindGate(end);
    crossing = await prepareDeadlock(bench.site, handle);
    await openGate(bench.site, handle);
    await crossing.close();
    expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
    expect(await events(bench.site, handle, 'shutdown')).toEqual([]);
    await crossing.release();
    await endedOnce(handle, outcome);
    expect(await events(bench.site, handle, 'passed')).toHaveLength(1);
  });

  test.each(ends.flatMap(([end, outcome]) => often.map((times) => [end, times, outcome] as const)))(
    'that ends the removal of the row: %s, %i times',
    async (end, times, outcome) => {
      const { handle } = await behindGate(end);
      await failAsVictims(bench.site, { verb: 'DELETE', table: 'background_process', rows: ofHandle(handle) }, times);
      await openGate(bench.site, handle);
      await endedOnce(handle, outcome);
      expect(await victimsLeft(bench.site)).toBe(0);
      expect(await events(bench.site, handle, 'passed')).toHaveLength(1);
    },
  );

  test.each(often)('that ends the writing of the progress of a dead run, %i times', async (times) => {
    const { handle } = await behindGate('kill');
    const rows = `OLD.name = '${handle}' AND NEW.end_stamp > 0`;
    await failAsVictims(bench.site, { verb: 'UPDATE', table: 'progress', rows }, times);
    await openGate(bench.site, handle);
    await endedOnce(handle, 'signalled');
    expect(await victimsLeft(bench.site)).toBe(0);
  });

  test.each([
    ['return', 'completed'],
    ['exit', 'exited'],
    ['kill', 'signalled'],
  ])('that ends the removal of its locks: %s', async (end, outcome) => {
    const handle = newHandle(`locks-${end}`);
    const locks = [`${handle}-a`, `${handle}-b`] as const;
    await bench.caller.startLocked(handle, 'drupald_fixture_two_locks', [...locks, handle, end]);
    await event(bench.site, handle, 'gate');
    crossing = await prepareLockDeadlock(bench.site, locks);
    await openGate(bench.site, handle);
    await crossing.close();
    await crossing.release();
    await endedOnce(handle, outcome);
  });

  test.each(['return', 'exit', 'kill'].flatMap((end) => oftenLocks.map((times) => [end, times] as const)))(
    'that ends the removal of its lock: %s, %i times',
    async (end, times) => {
      const handle = newHandle(`lock-${end}`);
      await bench.caller.startLocked(handle, 'drupald_fixture_locks', [handle, 'gate', end]);
      await event(bench.site, handle, 'gate');
      await failAsVictims(bench.site, { verb: 'DELETE', table: 'semaphore', rows: `OLD.name = '${handle}'` }, times);
      await openGate(bench.site, handle);
      await endedOnce(handle, end === 'return' ? 'completed' : end === 'exit' ? 'exited' : 'signalled');
      expect(await victimsLeft(bench.site)).toBe(0);
    },
  );

  test.each(often)('that ends the claim, %i times', async (times) => {
    const handle = newHandle('claim');
    const rows = `OLD.handle = '${handle}' AND NEW.exec_status = 2`;
    await failAsVictims(bench.site, { verb: 'UPDATE', table: 'background_process', rows }, times);
    await bench.caller.startLocked(handle, 'drupald_fixture_mark', ['claimed']);
    await endedOnce(handle, 'completed');
    expect(await victimsLeft(bench.site)).toBe(0);
    expect(await events(bench.site, handle, 'mark')).toHaveLength(1);
  });

  // The stand-in has no cron.
  test.skipIf(kind === 'stand-in')('that ends the making of a row of drupald’s own', async () => {
    const rows = "NEW.callback LIKE '%drupald%'";
    await failAsVictims(bench.site, { verb: 'INSERT', table: 'background_process', rows }, 2);
    expect((await drupald(['cron', 'run', 'cron', '--state-dir', bench.daemon.stateDir])).code).toBe(0);
    expect(await victimsLeft(bench.site)).toBe(0);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('that ends the removal of the row by the daemon itself, as the site does not boot', async () => {
    const { site, daemon } = bench;
    const { handle, pid } = await behindGate();
    const module = join(site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
    const repair = await replaceFile(module, (text) => `${text}\nfunction drupald_fixture_broken( {`);
    try {
      await failAsVictims(site, { verb: 'DELETE', table: 'background_process', rows: ofHandle(handle) }, 5);
      process.kill(pid, 'SIGKILL');
      const settled = await daemon.logged(
        (line) => line.event === 'run.settled' && line['handle'] === handle,
        'run.settled',
      );
      expect(settled).toMatchObject({ by: 'daemon', row: 'deleted', hook: 'not-told' });
      expect(await readRow(site, handle)).toBeUndefined();
      expect(await victimsLeft(site)).toBe(0);
    } finally {
      await repair();
    }
    await nothingLeft(site, daemon);
  });
});

describeSites('a deadlock in a worker that others share', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2, isolation: 'shared' } });

  test('leaves no lock', async () => {
    const handle = newHandle('shared');
    await bench.caller.startLocked(handle, 'drupald_fixture_locks', [handle, 'gate']);
    await event(bench.site, handle, 'gate');
    await failAsVictims(bench.site, { verb: 'DELETE', table: 'semaphore', rows: `OLD.name = '${handle}'` }, 7);
    await openGate(bench.site, handle);
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe('completed');
    expect(run.shutdowns).toMatchObject([{ message: null }]);
    await nothingLeft(bench.site);
    expect(await victimsLeft(bench.site)).toBe(0);
    await failNoMore(bench.site);
  });
});
