import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('callbacks.retry', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  async function withRules(): Promise<void> {
    const config = join(bench.suite.folder, `${newHandle('retry')}.yml`);
    const rule = '{ attempts: 3, pause: 50 ms, on: [signalled, threw, exited] }';
    await writeFile(config, `callbacks:\n  retry: { "drupald_fixture_fails": ${rule} }\n`);
    await bench.restart({ config });
  }

  test.each(['kill', 'throw', 'exit'])(
    'a run that ends by %s is begun again, and its hook is told once',
    async (end) => {
      await withRules();
      const handle = newHandle(`fails-${end}`);
      await bench.caller.startLocked(handle, 'drupald_fixture_fails', [end, 2]);
      const third = await finished(bench, handle, 3);
      expect(third.ended).toMatchObject({ outcome: 'completed' });
      expect(third.shutdowns.map((call) => call.message)).toEqual([null]);
      expect(await events(bench.site, handle, 'fails')).toHaveLength(3);
      await nothingLeft(bench.site, bench.daemon);
    },
  );

  test('after the last try its modules are told the cause', async () => {
    await withRules();
    const handle = newHandle('fails-always');
    await bench.caller.startLocked(handle, 'drupald_fixture_fails', ['throw', 9]);
    const third = await finished(bench, handle, 3);
    expect(third.ended).toMatchObject({ outcome: 'threw' });
    expect(third.shutdowns.map((call) => call.message)).toEqual([third.ended['sentence']]);
    expect(await events(bench.site, handle, 'fails')).toHaveLength(3);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('its tries before a crash of the daemon count', async () => {
    const config = join(bench.suite.folder, `${newHandle('retry')}.yml`);
    const rule = '{ attempts: 2, pause: 1 h, on: [threw] }';
    await writeFile(config, `callbacks:\n  retry: { "drupald_fixture_fails": ${rule} }\n`);
    await bench.restart({ config });
    const handle = newHandle('fails-twice');
    await bench.caller.startLocked(handle, 'drupald_fixture_fails', ['throw', 9]);
    await bench.daemon.logged((line) => line.event === 'run.retried' && line['handle'] === handle, 'run.retried');
    await bench.daemon.kill9();
    await bench.restart({ config });
    const run = await finished(bench, handle);
    expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
    expect(await events(bench.site, handle, 'fails')).toHaveLength(2);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('what is to begin again does so after a crash of the daemon, too', async () => {
    const config = join(bench.suite.folder, `${newHandle('retry')}.yml`);
    const rule = '{ attempts: 3, pause: 1 h, on: [threw] }';
    await writeFile(config, `callbacks:\n  retry: { "drupald_fixture_fails": ${rule} }\n`);
    await bench.restart({ config });
    const handle = newHandle('fails-and-waits');
    await bench.caller.startLocked(handle, 'drupald_fixture_fails', ['throw', 1]);
    await bench.daemon.logged((line) => line.event === 'run.retried' && line['handle'] === handle, 'run.retried');
    const at = ['--state-dir', bench.daemon.stateDir];
    expect((await drupald(['show', handle, ...at])).stdout).toContain(`${handle} waits for its next try\n`);
    await bench.daemon.kill9();
    await bench.restart({ config });
    await waitFor(async () => (await events(bench.site, handle, 'shutdown')).length > 0, { what: 'its end' });
    expect(await events(bench.site, handle, 'fails')).toHaveLength(2);
    await nothingLeft(bench.site, bench.daemon);
  });
});
