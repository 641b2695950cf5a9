import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { commandLine, descendants, nothingLeft } from '../harness/leftovers.js';
import { finished, newHandle } from '../harness/run.js';

describeSites('drupald kill', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4, isolation: 'fresh' } });

  const kill = (handle: string, ...more: string[]): ReturnType<typeof drupald> =>
    drupald(['kill', handle, '--state-dir', bench.daemon.stateDir, ...more]);

  test('ends a start that waits for its worker', async () => {
    const roots = descendants(bench.daemon.pid).filter((pid) => commandLine(pid).startsWith('drupald root'));
    for (const root of roots) {
      process.kill(root, 'SIGSTOP');
    }
    const handles = [newHandle('early'), newHandle('early'), newHandle('late')];
    for (const handle of handles) {
      await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
    }
    // At most one has the worker that was forked before; the last in line has none.
    const late = handles.at(-1) ?? '';
    await bench.daemon.logged((line) => line.event === 'start.accepted' && line['handle'] === late, 'its start');
    expect((await bench.daemon.ps())['runs']).toContainEqual(
      expect.objectContaining({ handle: late, state: 'starting', pid: null }),
    );
    const killed = await kill(late);
    for (const root of roots) {
      process.kill(root, 'SIGCONT');
    }
    expect(killed.stdout).toContain(`${late} had not begun; it never will.`);
    expect((await finished(bench, late)).shutdowns).toMatchObject([
      { message: expect.stringMatching(/cancelled by an administrator/) as unknown },
    ]);
    expect(await events(bench.site, late, 'stays')).toEqual([]);
    for (const handle of handles.slice(0, -1)) {
      await event(bench.site, handle, 'stays');
      await kill(handle);
      await finished(bench, handle);
    }
    await nothingLeft(bench.site, bench.daemon);
  });

  test('finds the site by each spelling of its address', async () => {
    for (const [site, code] of [
      ['HTTP://SITE.TEST:80/', 0],
      ['site.test', 0],
      ['https://site.test', 2],
    ] as const) {
      const handle = newHandle('spelled');
      await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
      await event(bench.site, handle, 'stays');
      const killed = await kill(handle, '--site', site);
      expect(killed.code, killed.stderr).toBe(code);
      if (code !== 0) {
        expect(killed.stderr).toContain('[DRUPALD_SITE_UNKNOWN]');
        await kill(handle);
      }
      await finished(bench, handle);
    }
  });

  test('a run that is unlocked in Drupal goes on where that is wanted', async () => {
    await bench.restart({ env: { DRUPALD_KILL_ON_UNLOCK: 'continue' } });
    const handle = newHandle('goes-on');
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
    await event(bench.site, handle, 'gate');
    await bench.caller.php('return background_process_unlock($args[0]);', [handle]);
    await bench.daemon.logged((line) => line.event === 'run.unlocked' && line['handle'] === handle, 'run.unlocked');
    await openGate(bench.site, handle);
    expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
    // Told by the module when it was unlocked.
    expect(await events(bench.site, handle, 'shutdown')).toHaveLength(1);
    await nothingLeft(bench.site, bench.daemon);
  });
});
