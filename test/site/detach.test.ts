import { expect, test } from 'vitest';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { runProgram } from '../harness/program.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('the way back', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1 } });
  const apache = prepareApache(bench);

  const detach = (to: string) =>
    runProgram(process.execPath, [
      'dist/cli/main.js',
      'detach',
      '--state-dir',
      bench.daemon.stateDir,
      '--to',
      to,
      '--json',
    ]);

  const sapiOf = async (handle: string): Promise<string> =>
    (detail(await event(bench.site, handle, 'environment')) as { sapi: string }).sapi;

  test('a backlog goes back to the web server, what arrives later too, and running work ends here', async () => {
    const running = newHandle('running');
    const waiting = [newHandle('first'), newHandle('second'), newHandle('third')];
    await bench.caller.startLocked(running, 'drupald_fixture_gate', [running]);
    await event(bench.site, running, 'gate');
    for (const handle of waiting) {
      await bench.caller.startLocked(handle, 'drupald_fixture_environment', []);
      await waitFor(async () => (await readRow(bench.site, handle))?.exec_status === 3, { what: 'the start to wait' });
    }

    const nowhere = await detach('http://127.0.0.1:1');
    expect(nowhere.code, nowhere.stderr).toBe(1);
    expect(JSON.parse(nowhere.stdout)).toMatchObject({ handedBack: 0, left: 3 });
    for (const handle of waiting) {
      expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 3 });
    }

    const back = await detach(apache.address);
    expect(back.code, back.stderr + back.stdout).toBe(0);
    expect(JSON.parse(back.stdout)).toMatchObject({ handedBack: 3, left: 0 });
    const late = newHandle('late');
    await bench.caller.startLocked(late, 'drupald_fixture_environment', []);
    for (const handle of [...waiting, late]) {
      expect(await sapiOf(handle)).toBe('apache2handler');
      await waitFor(async () => (await readRow(bench.site, handle)) === undefined, { what: 'the row to go' });
      expect(await events(bench.site, handle, 'environment')).toHaveLength(1);
    }

    await openGate(bench.site, running);
    await finished(bench, running);
    await nothingLeft(bench.site);
  });
});
