import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { insertRow, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { troubles } from '../harness/troubles.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

/** Milliseconds that each statement takes; more than a second counts as slow. */
const delay = Number(process.env['DRUPALD_TEST_SLOW_MS'] ?? 1_200);

describeSites('a database that takes its time for each statement', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, slowProxy: true, daemon: { slots: 4, isolation: 'fresh' } });

  test('disturbs no run, settles nothing twice and starts nothing twice', async () => {
    const { site, proxy } = bench;
    const config = join(bench.suite.folder, `${newHandle('slow')}.yml`);
    // A helper boots the site: too much for it while each statement is slow.
    await writeFile(config, 'worker: { settle_timeout: 3 s }\n');
    const daemon = await bench.restart({ config });
    const gates = { return: newHandle('return'), silent: newHandle('silent'), kill: newHandle('kill') };
    for (const [end, handle] of Object.entries(gates)) {
      await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle, end]);
      await event(site, handle, 'gate');
    }
    proxy.delay = delay;
    const starts = [];
    const late = newHandle('late');
    const token = await insertRow(site, { handle: late });
    for (let nth = 0; nth < 3; nth += 1) {
      starts.push(post(daemon.port, startPath(late, token)));
    }
    await waitFor(async () => (await troubles(daemon)).includes('DRUPALD_DATABASE_SLOW'), {
      what: 'ps to say that the database is slow',
    });
    await openGate(site, gates.kill);
    await openGate(site, gates.silent);
    const postponed = (line: { event?: string }, handle: string): boolean =>
      line.event === 'settle.postponed' && (line as Record<string, unknown>)['handle'] === handle;
    await daemon.logged((line) => postponed(line, gates.kill), 'settle.postponed');
    expect(await events(site, gates.kill, 'shutdown')).toEqual([]);
    for (const answer of await Promise.all(starts)) {
      expect(answer.status).toBe(200);
    }
    expect((await finished(bench, gates.silent)).ended['outcome']).toBe('completed');
    expect(daemon.lines.filter((line) => line.event === 'run.ended' && line['handle'] === gates.return)).toEqual([]);
    proxy.delay = 0;
    await openGate(site, gates.return);
    await daemon.logged(
      (line) => line.event === 'run.settled' && line['handle'] === gates.kill,
      'the end of the killed run',
    );
    for (const [end, handle] of [...Object.entries(gates), ['late', late] as const]) {
      const run = await finished(bench, handle);
      expect(run.ended['outcome'], end).toBe(end === 'kill' ? 'signalled' : 'completed');
      expect(run.shutdowns, end).toHaveLength(1);
      expect(run.progress?.end_stamp, end).toBeGreaterThan(0);
      expect(daemon.lines.filter((line) => line.event === 'run.claimed' && line['handle'] === handle)).toHaveLength(1);
    }
    expect(await events(site, late, 'mark')).toHaveLength(1);
    await waitFor(async () => (await troubles(daemon)).length === 0, { what: 'the trouble to go' });
    await nothingLeft(site);
  });
});
