import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { runProgram } from '../harness/program.js';
import { insertRow, readRow } from '../harness/row.js';
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

  test('what a daemon that has gone left waiting goes back without one', async () => {
    const alone = () => {
      const { root, uris, account } = bench.site;
      return drupald([
        ...['detach', '--json', '--to', apache.address, '--root', root, '--uri', uris[0] ?? ''],
        ...['--state-dir', bench.daemon.stateDir, '--listen', '127.0.0.1:1'],
        ...(account.switched ? ['--user', account.name] : []),
      ]);
    };
    // Named sites or not: a daemon that runs is asked, and one that does not answer is not passed over.
    expect(JSON.parse((await alone()).stdout)).toMatchObject({ running: true, handedBack: 0, left: 0 });
    const token = join(bench.daemon.stateDir, 'control.token');
    await rename(token, `${token}.away`);
    const refused = await alone();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('DRUPALD_ALREADY_RUNNING');
    await rename(`${token}.away`, token);
    // One that keeps its state elsewhere is known by its address.
    const elsewhere = await drupald([
      ...['detach', '--json', '--root', bench.site.root, '--uri', bench.site.uris[0] ?? ''],
      ...['--state-dir', join(bench.suite.folder, 'nowhere'), '--listen', `127.0.0.1:${bench.daemon.port}`],
    ]);
    expect(elsewhere.code).toBe(2);
    expect(elsewhere.stderr).toContain('DRUPALD_DAEMON_ELSEWHERE');

    await bench.daemon.stop();
    const waiting = [newHandle('left'), newHandle('left'), newHandle('left')];
    for (const handle of waiting) {
      await insertRow(bench.site, { handle, callback: 'drupald_fixture_environment', status: 3 });
    }
    const foreign = newHandle('foreign');
    await insertRow(bench.site, { handle: foreign, status: 3, serviceHost: 'elsewhere' });
    // As the way back says, the lines in settings.php have been removed before.
    await bench.site.setServiceHost(apache.address, 'site.test');

    const back = await alone();
    expect(back.code, back.stderr + back.stdout).toBe(1);
    const told = JSON.parse(back.stdout) as { reason: string };
    expect(told).toMatchObject({ running: false, handedBack: 3, left: 1 });
    expect(told.reason).toContain('(elsewhere)');
    for (const handle of waiting) {
      expect(await sapiOf(handle)).toBe('apache2handler');
      await waitFor(async () => (await readRow(bench.site, handle)) === undefined, { what: 'the row to go' });
      expect(await events(bench.site, handle, 'environment')).toHaveLength(1);
    }
    expect(await readRow(bench.site, foreign)).toMatchObject({ exec_status: 3 });

    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [foreign]);
    const again = await alone();
    expect(again.code, again.stderr).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ handedBack: 0, left: 0 });
    expect(await bench.site.sql('SELECT handle FROM {background_process} WHERE exec_status = 3')).toEqual([]);
  });

  test('a copied database keeps what waits in it', async () => {
    await bench.site.sql("UPDATE {drupald_installation} SET mark = REPEAT('0', 64)");
    const handle = newHandle('copied');
    await insertRow(bench.site, { handle, status: 3 });
    const { root, uris, account } = bench.site;
    const user = account.switched ? ['--user', account.name] : [];
    const state = ['--state-dir', bench.daemon.stateDir];
    const back = await drupald(['detach', '--root', root, '--uri', uris[0] ?? '', ...state, ...user]);
    expect(back.code).toBe(1);
    expect(back.stdout).toContain('No daemon runs');
    expect(back.stdout).toContain('is a copy');
    expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 3 });
  });
});
