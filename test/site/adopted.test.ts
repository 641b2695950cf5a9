import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { insertRow, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { stallRow } from '../harness/stalls.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

describeSites('a run that the next daemon takes in hand', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });

  const unlock = (handle: string): Promise<unknown> =>
    bench.caller.php('return background_process_unlock($args[0]);', [handle]);

  /** A run of which the daemon is killed before it hears of the claim. */
  async function claimedUnheard(): Promise<{ handle: string; pid: number }> {
    const handle = newHandle('unheard');
    const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_stays', args: ['lock'] });
    const stall = await stallRow(bench.site, handle);
    try {
      await post(bench.daemon.port, startPath(handle, token));
      await stall.reached('UPDATE');
      await bench.daemon.kill9();
    } finally {
      await stall.release();
    }
    const { pid } = await event(bench.site, handle, 'stays');
    return { handle, pid };
  }

  test('is ended when it is unlocked, and goes on when it has removed its row itself', async () => {
    const own = newHandle('own');
    await bench.caller.startLocked(own, 'drupald_fixture_unlocks_and_gates', [own]);
    const { pid } = await event(bench.site, own, 'gate');
    const unlocked = newHandle('unlocked');
    await bench.caller.startLocked(unlocked, 'drupald_fixture_stays', ['lock']);
    await event(bench.site, unlocked, 'stays');
    await bench.daemon.kill9();
    await bench.restart();
    await unlock(unlocked);
    const run = await finished(bench, unlocked);
    expect(run.ended).toMatchObject({
      outcome: 'cancelled',
      sentence: expect.stringMatching(/cancelled by somebody who unlocked it in Drupal/) as unknown,
    });
    expect(run.shutdowns).toHaveLength(1);
    expect(run.progress).toMatchObject({ message: run.ended['sentence'] });
    // The rows of both were looked at together.
    expect(bench.daemon.lines.filter((line) => line.event === 'run.unlocked' && line['handle'] === own)).toEqual([]);
    expect(isDead(pid)).toBe(false);
    await openGate(bench.site, own);
    expect((await finished(bench, own)).ended).toMatchObject({ outcome: 'completed' });
    expect(await events(bench.site, own, 'shutdown')).toHaveLength(1);
    await nothingLeft(bench.site, bench.daemon);
  });

  test.each(['deaf', 'slow-to-end'])('comes to its end when the last daemon was ending it: %s', async (how) => {
    const handle = newHandle(how);
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', [how]);
    const { pid } = await event(bench.site, handle, 'stays');
    const killing = drupald(['kill', handle, '--reason', 'it is enough.', '--state-dir', bench.daemon.stateDir]);
    await bench.daemon.logged((line) => line.event === 'run.stopped' && line['handle'] === handle, 'run.stopped');
    if (how === 'slow-to-end') {
      // The line comes before the signal, of which a daemon that is killed meanwhile sends none.
      await event(bench.site, handle, 'gate');
    }
    await bench.daemon.kill9();
    await killing;
    if (how === 'slow-to-end') {
      await openGate(bench.site, handle);
      await waitFor(() => isDead(pid), { what: 'the worker to end' });
    }
    await bench.restart();
    const run = await finished(bench, handle);
    expect(isDead(pid)).toBe(true);
    expect(run.ended).toMatchObject({
      outcome: 'cancelled',
      sentence: expect.stringMatching(/by an administrator \(drupald kill\): it is enough\.$/) as unknown,
    });
    expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('can be unlocked though nobody has heard of its claim', async () => {
    const { handle, pid } = await claimedUnheard();
    await bench.restart();
    await waitFor(async () => JSON.stringify(await bench.daemon.ps()).includes('"state":"running","pid"'), {
      what: 'it to be known as running',
      seen: () => bench.daemon.ps(),
    });
    await unlock(handle);
    const run = await finished(bench, handle);
    expect(isDead(pid)).toBe(true);
    expect(run.ended).toMatchObject({ outcome: 'cancelled' });
    expect(run.shutdowns).toHaveLength(1);
    expect(run.progress).toMatchObject({ message: run.ended['sentence'] });
    await nothingLeft(bench.site, bench.daemon);
  });

  test('has its limits though nobody has heard of its claim', async () => {
    const config = join(bench.suite.folder, `${newHandle('limits')}.yml`);
    await writeFile(config, 'callbacks: { time: { drupald_fixture_stays: 1 s } }\nkill: { grace: 500 ms }\n');
    const { handle } = await claimedUnheard();
    await bench.restart({ config });
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({ outcome: 'timed-out' });
    expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site, bench.daemon);
  });
});
