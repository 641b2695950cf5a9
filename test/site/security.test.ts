import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { commandLine, descendants } from '../harness/leftovers.js';
import { filesBelow } from '../harness/run-logs.js';
import { insertRow, newToken, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { post } from '../harness/wire.js';

/** Whether the file, or a folder between it and the state folder, lets nobody but its owner in. */
function closedToOthers(file: string, stateDir: string): boolean {
  for (let path = file; path.startsWith(stateDir); path = dirname(path)) {
    if ((statSync(path).mode & 0o077) === 0) {
      return true;
    }
  }
  return false;
}

describeSites('secrets', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 3 } });

  test('no token, cookie or password in logs, files, arguments, titles or the site’s log', async () => {
    const secrets = [newToken(), newToken(), newToken(), newToken()];
    const [good = '', wrong = '', bad = '', held = ''] = secrets;
    const cookie = 'SESSsecret=veryprivatecookie';
    const goodHandle = newHandle('good');
    const badHandle = newHandle('bad');
    const heldHandle = newHandle('held');
    await insertRow(bench.site, { handle: goodHandle, token: good });
    await insertRow(bench.site, {
      handle: badHandle,
      token: bad,
      callback: 'drupald_fixture_prints',
    });
    await insertRow(bench.site, {
      handle: heldHandle,
      token: held,
      callback: 'drupald_fixture_gate',
      args: [heldHandle],
    });
    const options = { headers: [`Cookie: ${cookie}`, 'Authorization: Basic c2VjcmV0OnBhc3M='] };
    await post(bench.daemon.port, startPath(goodHandle, wrong), options);
    await post(bench.daemon.port, startPath(goodHandle, good), options);
    await post(bench.daemon.port, startPath(badHandle, bad), options);
    await post(bench.daemon.port, startPath(heldHandle, held), options);
    await event(bench.site, heldHandle, 'gate');
    await finished(bench, goodHandle);
    await finished(bench, badHandle);

    const everything = [...secrets, 'veryprivatecookie', 'c2VjcmV0OnBhc3M=', bench.site.database.password];
    const lines = [bench.daemon.pid, ...descendants(bench.daemon.pid)].map(commandLine).join('\n');
    const files = await filesBelow(bench.daemon.stateDir);
    const watchdog = await bench.site.sql<Record<string, unknown>>('SELECT * FROM {watchdog}');
    const logged = watchdog.map((row) => Object.values(row).map(String).join(' ')).join('\n');
    const status = JSON.stringify(await bench.daemon.ps());
    // The row of a process that runs may lie in a file for whoever settles it, readable by the site's user only.
    const logs = files.filter((file) => file.path.endsWith('.log'));
    for (const secret of everything) {
      expect(bench.daemon.output).not.toContain(secret);
      expect(lines).not.toContain(secret);
      expect(logged).not.toContain(secret);
      expect(status).not.toContain(secret);
      for (const file of logs) {
        expect(file.text, file.path).not.toContain(secret);
      }
    }
    for (const file of files) {
      if (secrets.some((secret) => file.text.includes(secret))) {
        expect(closedToOthers(file.path, bench.daemon.stateDir), file.path).toBe(true);
      }
    }
    await openGate(bench.site, heldHandle);
    await finished(bench, heldHandle);
    for (const file of await filesBelow(bench.daemon.stateDir)) {
      expect(
        secrets.filter((secret) => file.text.includes(secret)),
        file.path,
      ).toEqual([]);
    }
  });

  test('the sockets and the token of the command line belong to the daemon’s user only', () => {
    for (const name of ['control.token', 'control.sock']) {
      const { mode, uid } = statSync(join(bench.daemon.stateDir, name));
      expect(mode & 0o077, name).toBe(0);
      expect(uid).toBe(bench.site.account.uid);
    }
  });

  test('no process of the daemon runs as root', async () => {
    const handle = newHandle('who');
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
    await event(bench.site, handle, 'gate');
    for (const pid of [bench.daemon.pid, ...descendants(bench.daemon.pid)]) {
      expect(statSync(`/proc/${pid}`).uid, commandLine(pid)).toBe(bench.site.account.uid);
    }
    await openGate(bench.site, handle);
    await finished(bench, handle);
  });
});
