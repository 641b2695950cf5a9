import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('a process that crashes again and again', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('is set aside with the reason, also over a restart, until somebody lets it go', async () => {
    const handle = newHandle('poison');
    for (let round = 1; round <= 3; round += 1) {
      await bench.caller.startLocked(handle, 'drupald_fixture_signal', [9]);
      expect((await finished(bench, handle, round)).ended).toMatchObject({ outcome: 'signalled' });
    }
    await bench.caller.startLocked(handle, 'drupald_fixture_mark', ['after the crashes']);
    const line = await bench.daemon.logged((found) => found.event === 'run.set-aside', 'run.set-aside');
    expect(JSON.stringify(line)).toMatch(/It crashed 3 times since .*SIGKILL/);
    await waitFor(async () => (await readRow(bench.site, handle))?.exec_status === 3, { what: 'its row to wait' });
    // Others are not held back.
    await runToEnd(bench, 'drupald_fixture_noop');
    await bench.restart();
    await waitFor(async () => JSON.stringify(await bench.daemon.ps()).includes('"set aside"'), {
      what: 'ps to show it',
      seen: () => bench.daemon.ps(),
    });
    expect(await events(bench.site, handle, 'mark')).toEqual([]);
    const at = ['--state-dir', bench.daemon.stateDir];
    expect((await drupald(['ps', ...at])).stdout).toMatch(new RegExp(`^${handle}: It crashed 3 times since`, 'm'));
    expect((await drupald(['show', handle, ...at])).stdout).toMatch(
      new RegExp(`^${handle} is set aside\n[^]*It crashed 3 times since`),
    );
    const retried = await drupald(['retry', handle, '--state-dir', bench.daemon.stateDir]);
    expect(retried.stdout + retried.stderr).toBe(`${handle} is started again.\n`);
    await event(bench.site, handle, 'mark');
    expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
    await nothingLeft(bench.site, bench.daemon);
  });

  test('retry says that nothing of that name is set aside', async () => {
    const retried = await drupald(['retry', 'nobody', '--state-dir', bench.daemon.stateDir]);
    expect(retried.code).toBe(1);
    expect(retried.stderr).toContain('[DRUPALD_PROCESS_NOT_ASIDE]');
  });
});
