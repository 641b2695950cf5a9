import { rm, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { Daemon, newStateDir } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { leftovers, nothingLeft } from '../harness/leftovers.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

describeSites('start and stop', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1, graceSeconds: 60 } });

  test('SIGTERM lets running work finish and keeps waiting work for the next daemon', async () => {
    const running = newHandle('running');
    const waiting = newHandle('waiting');
    await bench.caller.startLocked(running, 'drupald_fixture_gate', [running]);
    await event(bench.site, running, 'gate');
    await bench.caller.startLocked(waiting, 'drupald_fixture_mark', ['after the restart']);
    await waitFor(async () => (await readRow(bench.site, waiting))?.exec_status === 3, {
      what: 'the second start to wait',
    });
    const first = bench.daemon;
    first.terminate();
    await first.logged((line) => line.event === 'daemon.stopping', 'daemon.stopping');
    // Refused, not cut off: on a refused connection the module deletes its row.
    const refused = newHandle('refused');
    const token = await insertRow(bench.site, { handle: refused });
    expect((await post(first.port, startPath(refused, token))).status).toBe(503);
    expect(await readRow(bench.site, refused)).toMatchObject({ exec_status: 1 });
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [refused]);
    await openGate(bench.site, running);
    expect(await first.exited()).toBe(0);
    expect(await readRow(bench.site, running)).toBeUndefined();
    expect(await events(bench.site, running, 'passed')).toHaveLength(1);
    expect(await events(bench.site, running, 'shutdown')).toHaveLength(1);
    expect(await readRow(bench.site, waiting)).toMatchObject({ exec_status: 3 });
    expect(await events(bench.site, waiting, 'mark')).toEqual([]);
    await bench.restart();
    await event(bench.site, waiting, 'mark');
    await finished(bench, waiting);
    await nothingLeft(bench.site);
  });

  test('a second daemon for one listener says so and ends', async () => {
    for (const stateDir of [bench.daemon.stateDir, await newStateDir(bench.suite.folder)]) {
      const second = await Daemon.start({
        sites: [{ root: bench.site.root, uris: bench.site.uris }],
        folder: bench.suite.folder,
        port: bench.daemon.port,
        stateDir,
        awaitReady: false,
      });
      expect(await second.exited(), second.output).toBe(2);
      expect(second.output).toMatch(/DRUPALD_(ALREADY_RUNNING|PORT_IN_USE)/);
    }
    // The first one must not have noticed.
    await runToEnd(bench, 'drupald_fixture_noop');
    expect(await bench.daemon.ps()).toBeDefined();
  });

  test('work that arrived while no daemon ran is found by the next', async () => {
    await bench.daemon.stop();
    const handle = newHandle('missed');
    await insertRow(bench.site, { handle, status: 3 });
    await bench.restart();
    await event(bench.site, handle, 'mark');
    await finished(bench, handle);
  });

  test('a site that cannot boot is told, retried, and its work waits', async () => {
    const file = join(bench.site.root, 'sites/all/modules/drupald_fixture/sights.inc');
    const original = await readFile(file, 'utf8');
    const handle = newHandle('broken');
    const token = await insertRow(bench.site, { handle });
    await rm(file);
    await writeFile(file, '<?php this is no PHP (');
    const answer = await post(bench.daemon.port, startPath(handle, token));
    expect([200, 503]).toContain(answer.status);
    const line = await bench.daemon.logged((found) => found.event === 'site.cannot-boot', 'site.cannot-boot');
    expect(JSON.stringify(line)).toMatch(/sights\.inc/);
    await waitFor(async () => JSON.stringify(await bench.daemon.ps()).includes('sights.inc'), {
      what: 'ps to show the reason',
    });
    expect(await readRow(bench.site, handle)).toBeDefined();
    await rm(file);
    await writeFile(file, original);
    await event(bench.site, handle, 'mark');
    await finished(bench, handle);
    await nothingLeft(bench.site);
  });

  test('the daemon leaves no process behind', async () => {
    const before = bench.daemon;
    await runToEnd(bench, 'drupald_fixture_noop');
    expect(await before.stop()).toBe(0);
    expect((await leftovers(bench.site, before)).workers).toEqual([]);
    await bench.restart();
  });
});

describeSites('a database that goes away', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2 } });

  test('waiting work runs when it is back, and new work too', async () => {
    const { site, daemon, caller } = bench;
    const gate = newHandle('gate');
    await caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
    await event(site, gate, 'gate');
    await site.server.stop();
    const down = await post(daemon.port, startPath('whatever', 'x'.repeat(32)));
    expect(down.status).toBe(503);
    await site.server.restart();
    // The run lost its connection: it has ended, and that is told once the database is back.
    await waitFor(async () => (await readRow(site, gate)) === undefined, {
      what: 'the interrupted run to be settled',
      seen: () => daemon.output.slice(-3000),
      limitMs: 60_000,
    });
    await waitFor(async () => (await events(site, gate, 'shutdown')).length > 0, {
      what: 'its hook',
    });
    expect(await events(site, gate, 'shutdown')).toHaveLength(1);
    const next = newHandle('next');
    const again = await site.caller();
    expect(await again.startLocked(next, 'drupald_fixture_mark')).toBe(next);
    await event(site, next, 'mark');
    await nothingLeft(site, undefined, 60_000);
  });

  test('a process that has unlocked itself is told of once, although it could not say so', async () => {
    const { site, daemon } = bench;
    const caller = await site.caller();
    const handle = newHandle('unlocks');
    await caller.startLocked(handle, 'drupald_fixture_unlocks_itself', ['gate']);
    await event(site, handle, 'gate');
    await site.server.stop();
    // Its gate throws now, and its worker finds no database to settle it in.
    await daemon.logged((line) => line.event === 'settle.postponed' && line['handle'] === handle, 'settle.postponed');
    await site.server.restart();
    await daemon.logged((line) => line.event === 'run.settled' && line['handle'] === handle, 'run.settled');
    const told = (await events(site, handle, 'shutdown')).map((found) => JSON.parse(found.detail ?? 'null') as unknown);
    expect(told).toEqual([expect.objectContaining({ message: 'Unlocked by itself' })]);
  });

  test('a lock of a run that ended meanwhile is removed when it is back', async () => {
    const { site, daemon } = bench;
    const caller = await site.caller();
    const handle = newHandle('locks');
    await caller.startLocked(handle, 'drupald_fixture_locks', [handle, 'gate']);
    await event(site, handle, 'gate');
    await site.server.stop();
    await daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'run.ended');
    await site.server.restart();
    await waitFor(async () => (await site.sql('SELECT name FROM {semaphore} WHERE name = ?', [handle])).length === 0, {
      what: 'its lock to go',
    });
  });
});
