import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { insertRow, readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('rows that wait and that the daemon does not know', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1 } });

  test('run once, beside those that it knows', async () => {
    const { site, caller, daemon } = bench;
    const gate = newHandle('gate');
    await caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
    await event(site, gate, 'gate');
    const known = newHandle('known');
    await caller.startLocked(known, 'drupald_fixture_mark', [known]);
    await waitFor(async () => (await readRow(site, known))?.exec_status === 3, { what: 'one to wait' });
    const lost = newHandle('lost');
    const foreign = newHandle('foreign');
    const queued = newHandle('queued');
    await insertRow(site, { handle: lost, args: [lost], status: 3 });
    await insertRow(site, { handle: foreign, args: [foreign], status: 3, serviceHost: 'elsewhere' });
    // background_process_queue() names no service host.
    await insertRow(site, { handle: queued, args: [queued], status: 3, serviceHost: '' });
    const found = await daemon.logged((line) => line.event === 'sweep.found', 'sweep.found');
    expect(found).toMatchObject({ count: 1 });
    await openGate(site, gate);
    for (const handle of [known, lost]) {
      expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
      expect(await events(site, handle, 'mark')).toHaveLength(1);
    }
    for (const handle of [foreign, queued]) {
      expect(await readRow(site, handle)).toMatchObject({ exec_status: 3 });
      await site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
    }
    await nothingLeft(site, daemon);
  });
});
