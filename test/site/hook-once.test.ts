import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { commandLine, descendants, isDead, nothingLeft } from '../harness/leftovers.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { stallRow } from '../harness/stalls.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

describeSites('the shutdown hook is told once', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 3 } });

  async function behindGate(name = 'gate', ...more: string[]): Promise<{ handle: string; pid: number }> {
    const handle = newHandle(name);
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle, ...more]);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  async function kill(pid: number): Promise<void> {
    process.kill(pid, 'SIGKILL');
    await waitFor(() => isDead(pid), { what: `process ${pid} to end` });
  }

  const messages = async (handle: string): Promise<unknown[]> =>
    (await events(bench.site, handle, 'shutdown')).map((found) => (detail(found) as { message: unknown }).message);

  test('not again, when daemon and worker are killed inside it', async () => {
    const { handle, pid } = await behindGate('hook-waits');
    // It hears nothing any more of what its worker says.
    process.kill(bench.daemon.pid, 'SIGSTOP');
    await openGate(bench.site, handle);
    await event(bench.site, handle, 'shutdown');
    await bench.daemon.kill9();
    await kill(pid);
    await bench.restart();
    await finished(bench, handle);
    expect(await messages(handle)).toEqual([null]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('not again by the next daemon, when the callback had closed its connection', async () => {
    const { handle, pid } = await behindGate('closes', 'close');
    process.kill(bench.daemon.pid, 'SIGSTOP');
    await openGate(bench.site, handle);
    await event(bench.site, handle, 'shutdown');
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    await bench.daemon.kill9();
    await bench.restart();
    expect((await finished(bench, handle)).ended['outcome']).toBe('completed');
    expect(await messages(handle)).toEqual([null]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('by itself, when it claimed, unlocked itself and died before any daemon heard of it', async () => {
    const handle = newHandle('unheard');
    const token = await insertRow(bench.site, {
      handle,
      callback: 'drupald_fixture_unlocks_itself',
      args: ['kill'],
    });
    const stall = await stallRow(bench.site, handle);
    let pid: number;
    try {
      await post(bench.daemon.port, startPath(handle, token));
      const given = await bench.daemon.logged(
        (line) => line.event === 'run.dispatched' && line['handle'] === handle,
        'run.dispatched',
      );
      pid = Number(given['pid']);
      await stall.reached('UPDATE');
      process.kill(bench.daemon.pid, 'SIGSTOP');
    } finally {
      await stall.release();
    }
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    await bench.daemon.kill9();
    await bench.restart();
    await bench.daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'run.ended');
    expect(await messages(handle)).toEqual(['Unlocked by itself']);
    // Its progress is ended, too.
    await nothingLeft(bench.site, bench.daemon);
  });

  test('at its only run, when worker and daemon are killed while the claim waits in the database', async () => {
    const handle = newHandle('waits');
    const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_mark', args: [handle] });
    const stall = await stallRow(bench.site, handle);
    try {
      await post(bench.daemon.port, startPath(handle, token));
      const given = await bench.daemon.logged(
        (line) => line.event === 'run.dispatched' && line['handle'] === handle,
        'run.dispatched',
      );
      await stall.reached('UPDATE');
      await bench.daemon.kill9();
      await kill(Number(given['pid']));
      await bench.restart();
      await bench.daemon.logged((line) => line.event === 'run.requeued' && line['handle'] === handle, 'run.requeued');
    } finally {
      await stall.release();
    }
    await bench.daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'run.ended');
    expect(await events(bench.site, handle, 'mark')).toHaveLength(1);
    expect(await messages(handle)).toEqual([null]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('at its only run, when the daemon was killed before it heard which session had the claim', async () => {
    const handle = newHandle('deaf');
    await bench.site.variable('drupald_fixture_init', 'gate');
    const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_mark', args: [handle] });
    await post(bench.daemon.port, startPath(handle, token));
    const { pid } = await event(bench.site, '', 'gate');
    process.kill(bench.daemon.pid, 'SIGSTOP');
    const stall = await stallRow(bench.site, handle);
    try {
      await openGate(bench.site, 'init');
      await stall.reached('UPDATE');
      await bench.daemon.kill9();
      await kill(pid);
      await bench.site.variable('drupald_fixture_init', '');
      await bench.restart();
      await bench.daemon.logged((line) => line.event === 'run.requeued' && line['handle'] === handle, 'run.requeued');
    } finally {
      await stall.release();
    }
    await bench.daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'run.ended');
    expect(await events(bench.site, handle, 'mark')).toHaveLength(1);
    expect(await messages(handle)).toEqual([null]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('when the claim of a dead worker goes through behind its end', async () => {
    const handle = newHandle('late');
    const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_mark', args: [handle] });
    const stall = await stallRow(bench.site, handle);
    try {
      await post(bench.daemon.port, startPath(handle, token));
      const given = await bench.daemon.logged(
        (line) => line.event === 'run.dispatched' && line['handle'] === handle,
        'run.dispatched',
      );
      await stall.reached('UPDATE');
      const claimed = (Date.now() / 1000).toFixed(6);
      await kill(Number(given['pid']));
      await bench.daemon.logged((line) => line.event === 'run.requeued' && line['handle'] === handle, 'run.requeued');
      await stall.reached('UPDATE');
      await stall.change(2, claimed);
    } finally {
      await stall.release();
    }
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({ outcome: 'signalled' });
    expect(await events(bench.site, handle, 'mark')).toEqual([]);
    expect(await messages(handle)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test.each([
    ['', 'gate'],
    [' after the callback had closed its connection', 'closes', 'close'],
  ])('all the same, when both are killed between the row and the hook%s', async (_when, ...gate) => {
    const { handle, pid } = await behindGate(...gate);
    const stall = await stallRow(bench.site, handle);
    try {
      process.kill(bench.daemon.pid, 'SIGSTOP');
      await openGate(bench.site, handle);
      await stall.reached('DELETE');
      process.kill(pid, 'SIGSTOP');
    } finally {
      await stall.release();
    }
    await waitFor(async () => (await readRow(bench.site, handle)) === undefined, { what: 'the row to go' });
    await bench.daemon.kill9();
    await kill(pid);
    expect(await messages(handle)).toEqual([]);
    await bench.restart();
    expect((await finished(bench, handle)).ended['outcome']).toBe('completed');
    expect(await messages(handle)).toEqual([null]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('by the next helper, when the one that removed the row is killed before it', async () => {
    const { handle, pid } = await behindGate();
    const stall = await stallRow(bench.site, handle);
    let helper = -1;
    try {
      await kill(pid);
      await stall.reached('DELETE');
      const title = `drupald settle ${handle}`;
      helper = descendants(bench.daemon.pid).find((one) => commandLine(one).startsWith(title)) ?? -1;
      expect(helper).toBeGreaterThan(0);
      process.kill(helper, 'SIGSTOP');
    } finally {
      await stall.release();
    }
    await waitFor(async () => (await readRow(bench.site, handle)) === undefined, { what: 'the row to go' });
    expect(await messages(handle)).toEqual([]);
    process.kill(helper, 'SIGKILL');
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({ outcome: 'signalled' });
    expect(await messages(handle)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('by the next helper, when one is killed while the removal of the row stands in the database', async () => {
    const { handle, pid } = await behindGate();
    const stall = await stallRow(bench.site, handle);
    try {
      await kill(pid);
      await stall.reached('DELETE');
      const title = `drupald settle ${handle}`;
      const helpers = (): number[] => descendants(bench.daemon.pid).filter((one) => commandLine(one).startsWith(title));
      const [helper = -1] = helpers();
      expect(helper).toBeGreaterThan(0);
      process.kill(helper, 'SIGKILL');
      // The next one has read the row, and stands behind the statement of the dead one.
      await waitFor(() => helpers().some((one) => one !== helper), { what: 'another helper' });
      await stall.reached('DELETE');
    } finally {
      await stall.release();
    }
    const run = await finished(bench, handle);
    expect(await messages(handle)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site, bench.daemon);
  });
});
