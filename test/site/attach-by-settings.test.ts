import { describe, expect, test } from 'vitest';
import { hasApache } from '../harness/apache.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { type Bench, prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { fillSlots } from '../harness/fill-slots.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { freePort } from '../harness/mariadb.js';
import { readmeBlock } from '../harness/readme.js';
import { readRow } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import { ranOnce, StartStream } from '../harness/start-stream.js';

/** The address of the site is that of its Apache, as on a real machine. */
const port = await freePort();
const run = hasApache() ? describe : describe.skip;

run('README’s lines in settings.php', () => {
  describeSites('send starts to drupald', [], (kind) => {
    const bench = prepareBench(kind, { site: { uris: [`http://127.0.0.1:${port}`] }, daemon: { slots: 2 } });
    prepareApache(bench, '', { port });

    test('doctor finds no problem', async () => {
      await setLines(bench, true);
      const result = await drupald(['doctor', '--json', '--state-dir', bench.daemon.stateDir]);
      expect(result.code, result.stdout).toBe(0);
    });

    test('a start runs in drupald, with the address of the site', async () => {
      const handle = newHandle('through');
      const caller = await bench.site.caller();
      expect(await caller.startLocked(handle, 'drupald_fixture_environment')).toBe(handle);
      const seen = detail(await event(bench.site, handle, 'environment'));
      expect(seen).toMatchObject({ sapi: 'cli', baseUrl: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}` });
    });

    test('what was started runs once, what was not is told, while drupald stops, dies and starts again', async () => {
      const stream = await StartStream.open(bench.site);
      await stream.during(() => bench.daemon.stop());
      await stream.during(() => bench.restart());
      await stream.during(() => bench.daemon.kill9());
      await stream.during(() => bench.restart());
      await stream.close();
      expect(await ranOnce(bench.site, stream.started)).toEqual({ cli: stream.started.length });
      // While nobody listens the module says so to its caller, and the row is gone.
      expect(stream.failed.length).toBeGreaterThan(0);
      for (const handle of stream.failed) {
        expect(await events(bench.site, handle)).toEqual([]);
        expect(await readRow(bench.site, handle)).toBeUndefined();
      }
      await nothingLeft(bench.site, bench.daemon);
    });

    test('and the way back loses none', async () => {
      const gates = [newHandle('gate'), newHandle('gate')];
      const waiting = [newHandle('waits'), newHandle('waits'), newHandle('waits')];
      const before = await bench.site.caller();
      await fillSlots(bench.site, before, gates, waiting);
      // Pages that began before the lines went still send their starts to drupald.
      const late = await StartStream.open(bench.site);
      await late.during(() => setLines(bench, false));
      const stream = await StartStream.open(bench.site);
      const back = await late.during(() => drupald(['detach', '--json', '--state-dir', bench.daemon.stateDir]));
      expect(back.code, back.stdout + back.stderr).toBe(0);
      await late.close();
      for (const gate of gates) await openGate(bench.site, gate);
      await stream.during(() => bench.daemon.stop());
      await stream.close();
      expect([...late.failed, ...stream.failed]).toEqual([]);
      const handles = [...waiting, ...late.started, ...stream.started];
      expect(await ranOnce(bench.site, handles)).toEqual({ apache2handler: handles.length });
      await nothingLeft(bench.site);
    });
  });
});

/** Puts README's lines into settings.php, or takes them out again. */
async function setLines(bench: Bench, present: boolean): Promise<void> {
  const lines = readmeBlock('php', {
    'http://127.0.0.1:8970': `http://127.0.0.1:${bench.daemon.port}`,
    'www.example.com': `127.0.0.1:${port}`,
  });
  await bench.site.configure({ conf: { file_temporary_path: '/tmp' }, extra: present ? lines : '' });
}
