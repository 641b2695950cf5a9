import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { Datagrams } from '../harness/datagrams.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { replaceFile } from '../harness/replace-file.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const able = (() => {
  try {
    execFileSync('systemd-notify', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

describeSites('a service manager', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test.skipIf(!able)(
    'is told that starts are taken, how the site is, that drupald lives and that it stops',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'drupald-notify-'));
      await chmod(folder, 0o755);
      const manager = await Datagrams.open(join(folder, 'notify'));
      try {
        const env = { NOTIFY_SOCKET: join(folder, 'notify'), WATCHDOG_USEC: '2000000' };
        const daemon = await bench.restart({ env });
        await manager.saying('READY=1');
        expect(await manager.saying(/^STATUS=/)).toContain(
          `STATUS=Takes starts on 127.0.0.1:${daemon.port} for 1 site`,
        );
        await runToEnd(bench, 'drupald_fixture_noop');
        await manager.saying('WATCHDOG=1');
        // Nobody else is to speak for it.
        const handle = newHandle('gate');
        await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
        const { pid } = await event(bench.site, handle, 'gate');
        expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('NOTIFY_SOCKET');

        const module = join(bench.site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
        const repair = await replaceFile(module, (text) => `${text}throw new Exception('broken');\n`);
        const waits = newHandle('waits');
        await bench.caller.startLocked(waits, 'drupald_fixture_noop');
        await manager.saying(/^STATUS=.*cannot boot: http:\/\/site\.test$/);
        await repair();
        await finished(bench, waits);
        await waitFor(() => manager.received.findLast((text) => text.includes('STATUS='))?.endsWith('for 1 site'), {
          what: 'the status to be well again',
          seen: () => manager.received,
        });

        expect(manager.received.join('\n')).not.toContain('STOPPING');
        daemon.terminate();
        // While running work finishes it is told already.
        expect(await manager.saying('STOPPING=1')).toContain('STATUS=Stopping; 1 running');
        await openGate(bench.site, handle);
        expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
        expect(await daemon.exited()).toBe(0);
        const stopping = manager.received.findIndex((text) => text.includes('STOPPING=1'));
        expect(manager.received.slice(stopping).join('\n')).not.toContain('READY');
      } finally {
        await manager.close();
        await rm(folder, { recursive: true });
      }
    },
  );

  test.skipIf(!able)('may listen at an abstract address', async () => {
    const address = `@drupald-${process.pid}-notify`;
    const manager = await Datagrams.open(address);
    try {
      await bench.restart({ env: { NOTIFY_SOCKET: address } });
      await manager.saying('READY=1');
    } finally {
      await manager.close();
    }
  });

  test('that does not listen costs a line in the log and nothing else', async () => {
    const daemon = await bench.restart({ env: { NOTIFY_SOCKET: '/nowhere/notify' } });
    await daemon.logged((line) => line.event === 'service-manager.deaf', 'service-manager.deaf');
    expect((await runToEnd(bench, 'drupald_fixture_noop')).ended).toMatchObject({ outcome: 'completed' });
    expect(await daemon.stop()).toBe(0);
    expect(daemon.lines.filter((line) => line.event === 'service-manager.deaf')).toHaveLength(1);
    await bench.restart();
  });
});
