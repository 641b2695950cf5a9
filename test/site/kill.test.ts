import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events } from '../harness/fixture-log.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('drupald kill', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  const kill = (handle: string, ...more: string[]): ReturnType<typeof drupald> =>
    drupald(['kill', handle, '--state-dir', bench.daemon.stateDir, ...more]);

  test.each(['sleep', 'loop', 'statement', 'socket', 'polite', 'lock', 'deaf'])(
    'ends a run that would stay for ever: %s',
    async (how) => {
      const handle = newHandle(`stays-${how}`);
      await bench.caller.startLocked(handle, 'drupald_fixture_stays', [how]);
      const { pid } = await event(bench.site, handle, 'stays');
      const killed = await kill(handle, '--reason', 'it is no longer needed.');
      expect(killed.stdout + killed.stderr).toContain(`${handle} was ended (process ${String(pid)}).`);
      expect(isDead(pid)).toBe(true);
      const run = await finished(bench, handle);
      expect(run.ended).toMatchObject({
        outcome: 'cancelled',
        sentence:
          'The run of the callback drupald_fixture_stays was cancelled by an administrator (drupald kill): it is no longer needed.',
      });
      expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
      expect(run.progress).toMatchObject({ message: run.ended['sentence'] });
      await nothingLeft(bench.site, bench.daemon);
      if (how === 'statement') {
        await waitFor(
          async () => {
            const busy = await bench.site.sql<{ INFO: string | null }>(
              "SELECT INFO FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(%'",
            );
            return busy.length === 0;
          },
          { what: 'its database session to end' },
        );
      }
    },
  );

  test('ends the programs that it has started, also those that left its group or do not listen', async () => {
    const handle = newHandle('programs');
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['programs']);
    const programs = detail(await event(bench.site, handle, 'stays')) as number[];
    expect(programs).toHaveLength(3);
    expect(programs.some(isDead)).toBe(false);
    expect((await kill(handle)).code).toBe(0);
    await finished(bench, handle);
    await waitFor(() => programs.every(isDead), { what: 'its programs to end' });
  });

  test('ends also what a run starts while it is being ended', async () => {
    const handle = newHandle('breeds');
    await bench.caller.startLocked(handle, 'drupald_fixture_breeds');
    await event(bench.site, handle, 'breeds');
    expect((await kill(handle)).code).toBe(0);
    await finished(bench, handle);
    const programs = (await events(bench.site, handle, 'breeds')).flatMap((bred) => detail(bred) as number[]);
    expect(programs.length).toBeGreaterThan(1);
    await waitFor(() => programs.every(isDead), {
      what: 'its programs to end',
      seen: () => programs.filter((pid) => !isDead(pid)),
    });
    await nothingLeft(bench.site, bench.daemon);
  });

  test('ends a start that waits, and tells its modules', async () => {
    const running = [newHandle('runs'), newHandle('runs')];
    for (const handle of running) {
      await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
      await event(bench.site, handle, 'stays');
    }
    const waiting = newHandle('waits');
    await bench.caller.startLocked(waiting, 'drupald_fixture_mark', ['never']);
    await waitFor(async () => (await readRow(bench.site, waiting))?.exec_status === 3, { what: 'it to wait' });
    const killed = await kill(waiting, '--json');
    expect(JSON.parse(killed.stdout)).toMatchObject({ handle: waiting, was: 'waiting' });
    expect(await readRow(bench.site, waiting)).toBeUndefined();
    for (const handle of running) {
      expect((await kill(handle)).code).toBe(0);
      await finished(bench, handle);
    }
    expect(await events(bench.site, waiting, 'mark')).toEqual([]);
    expect((await events(bench.site, waiting, 'shutdown')).map(detail)).toMatchObject([
      { message: expect.stringMatching(/cancelled by an administrator/) as unknown },
    ]);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('says that there is no such process', async () => {
    const killed = await kill('nobody');
    expect(killed.code).toBe(1);
    expect(killed.stderr).toContain('No process nobody runs or waits in this daemon.');
    expect(killed.stderr).toContain('[DRUPALD_PROCESS_NOT_HERE]');
  });

  test('a run that is unlocked in Drupal is ended, and what was started since is left alone', async () => {
    const handle = newHandle('unlocked');
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
    const first = await event(bench.site, handle, 'stays');
    const unlocked = await bench.caller.php('return background_process_unlock($args[0]);', [handle]);
    expect(unlocked).toBeTruthy();
    // Started again at once, as people do.
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
    await event(bench.site, handle, 'gate');
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({
      outcome: 'cancelled',
      sentence: expect.stringMatching(/unlocked it in Drupal/) as unknown,
    });
    await waitFor(() => isDead(first.pid), { what: 'the first run to end' });
    expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
    expect(run.progress).toMatchObject({ end_stamp: 0 });
    // The module told the hook when it was unlocked; nobody does again.
    expect(run.shutdowns).toHaveLength(1);
    await kill(handle);
    await finished(bench, handle, 2);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('a run that unlocks itself goes on', async () => {
    const handle = newHandle('itself');
    await bench.caller.startLocked(handle, 'drupald_fixture_unlocks_and_gates', [handle]);
    await event(bench.site, handle, 'gate');
    expect(await readRow(bench.site, handle)).toBeUndefined();
    // Longer than the watch of rows takes to look twice.
    await bench.caller.startLocked(newHandle('other'), 'drupald_fixture_sleeps', [2.5]);
    await runToEnd(bench, 'drupald_fixture_sleeps', [2.5]);
    await bench.site.sql('INSERT INTO {drupald_fixture_gate} (name) VALUES (?)', [handle]);
    expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
  });
});

describeSites('limits of a callback', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });

  test('end a run for its time and its memory, whatever it does, and say where it was', async () => {
    const config = join(bench.suite.folder, `${newHandle('limits')}.yml`);
    await writeFile(
      config,
      'callbacks:\n  time: { drupald_fixture_stays: 1 s }\n  memory: { drupald_fixture_hogs: 100 MB }\nkill: { grace: 500 ms }\n',
    );
    await bench.restart({ config });
    for (const how of ['loop', 'sleep', 'once', 'statement', 'deaf']) {
      const run = await runToEnd(bench, 'drupald_fixture_stays', [how]);
      // The question where it is ends a sleep, and must not let it go on.
      expect(await events(bench.site, run.handle, 'slept')).toEqual([]);
      expect(run.ended).toMatchObject({ outcome: 'timed-out' });
      expect(run.ended['sentence']).toMatch(/was ended after 1 s, the time that it may take/);
      if (how === 'loop' || how === 'sleep') {
        expect(run.ended['sentence']).toMatch(/; it was at .*limits\.inc:\d+\.$/);
      }
      expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
    }
    const hog = await runToEnd(bench, 'drupald_fixture_hogs', [200]);
    expect(hog.ended).toMatchObject({ outcome: 'out-of-memory' });
    expect(hog.ended['sentence']).toMatch(/it used \d+ MB of memory .* it may use 100 MB/);
    expect((await runToEnd(bench, 'drupald_fixture_noop')).ended).toMatchObject({ outcome: 'completed' });
    await nothingLeft(bench.site, bench.daemon);
  });

  test('end a run for what it prints; where there is none, its log is cut and it goes on', async () => {
    const config = join(bench.suite.folder, `${newHandle('limits')}.yml`);
    await writeFile(
      config,
      'callbacks: { output: { drupald_fixture_gushes: 64 KB } }\noutput: { max: 10 KB }\nkill: { grace: 500 ms }\n',
    );
    await bench.restart({ config });
    for (const how of ['itself', 'program']) {
      const run = await runToEnd(bench, 'drupald_fixture_gushes', [how]);
      expect(run.ended).toMatchObject({
        outcome: 'cancelled',
        sentence:
          'The run of the callback drupald_fixture_gushes was cancelled by drupald: it printed more than 64 KB, its limit (callbacks.output, service_hosts.output).',
      });
      expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
      expect(run.progress).toMatchObject({ message: run.ended['sentence'] });
    }
    await nothingLeft(bench.site, bench.daemon);
    const longer = await runToEnd(bench, 'drupald_fixture_gushes_once', [10 * 1024 + 1]);
    expect(longer.ended).toMatchObject({ outcome: 'completed' });
    const { stdout } = await drupald(['logs', longer.handle, '--state-dir', bench.daemon.stateDir]);
    expect(stdout).toContain('longer than its limit; the rest was cut');
  });
});
