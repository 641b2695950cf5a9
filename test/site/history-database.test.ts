import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineRunning } from '../harness/doctor.js';
import { fillSlots } from '../harness/fill-slots.js';
import { ask, history, written } from '../harness/history.js';
import { readRow } from '../harness/row.js';
import { newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('a history that the database user may not write', [], (kind) => {
  const bench = prepareBench(kind, { site: { prefix: 'pre_' } });

  test('is kept in memory, which is said once, and doctor says how to change it', async () => {
    await runToEnd(bench, 'drupald_fixture_noop');
    await waitFor(async () => (await written(bench)).length === 1, { what: 'the table with the prefix of the site' });
    await bench.daemon.stop();
    const { user, database } = bench.site.database;
    const accounts = ['127.0.0.1', 'localhost'].map((host) => `'${user}'@'${host}'`);
    await bench.site.sql('DROP TABLE {drupald_run}');
    for (const account of accounts) {
      await bench.site.server.administer(
        `REVOKE ALL ON \`${database}\`.* FROM ${account}; GRANT SELECT, INSERT, UPDATE, DELETE ON \`${database}\`.* TO ${account}`,
      );
    }
    await bench.restart();
    const ended = await runToEnd(bench, 'drupald_fixture_exits', [3]);
    const last = await runToEnd(bench, 'drupald_fixture_noop');
    const { runs, notes } = await history(bench);
    expect(runs.map(({ handle }) => handle)).toEqual([last.handle, ended.handle]);
    expect(notes).toEqual([{ site: bench.site.uris[0], text: expect.stringContaining('in memory only') }]);
    expect((await history(bench, '--outcome', 'exited')).runs).toHaveLength(1);
    expect((await ask(bench, 'show', ended.handle)).stdout).toContain('exit code 3');
    expect(bench.daemon.lines.filter(({ event: name }) => name === 'history.in-memory')).toHaveLength(1);
    expect((await examineRunning(bench.daemon.stateDir)).codes).toContain('history-in-memory');
    for (const account of accounts) {
      await bench.site.server.administer(`GRANT ALL ON \`${database}\`.* TO ${account}`);
    }
    // Connections that are open keep the rights that they began with.
    await bench.restart();
    expect((await examineRunning(bench.daemon.stateDir)).codes).not.toContain('history-in-memory');
    const kept = await runToEnd(bench, 'drupald_fixture_noop');
    expect(kept.ended).toMatchObject({ outcome: 'completed' });
    expect(await history(bench)).toMatchObject({ runs: [{ outcome: 'completed' }], notes: [] });
  });
});

describeSites('a history that is behind when its daemon is killed', [], (kind) => {
  const bench = prepareBench(kind);

  test('is written by the next daemon', async () => {
    await runToEnd(bench, 'drupald_fixture_noop');
    await waitFor(async () => (await written(bench)).length === 1, { what: 'the first run in the history' });
    const lock = await bench.site.pool.getConnection();
    let handles: string[];
    try {
      await lock.query('LOCK TABLES drupald_run WRITE');
      const ended = [
        await runToEnd(bench, 'drupald_fixture_prints'),
        await runToEnd(bench, 'drupald_fixture_exits', [3]),
      ];
      handles = ended.map(({ handle }) => handle);
      const writing = async (): Promise<{ ID: number }[]> =>
        bench.site.sql(
          "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT IGNORE INTO%drupald_run%'",
        );
      await waitFor(async () => (await writing()).length > 0, { what: 'the history to be written' });
      await bench.daemon.kill9();
      // What it has asked for must not happen after its death.
      for (const { ID } of await writing()) {
        await bench.site.server.administer(`KILL CONNECTION ${ID}`);
      }
      await waitFor(async () => (await writing()).length === 0, { what: 'the sessions of the daemon to end' });
    } finally {
      await lock.query('UNLOCK TABLES');
      lock.release();
    }
    expect((await written(bench)).filter((handle) => handles.includes(handle))).toEqual([]);
    await bench.restart();
    await waitFor(async () => (await written(bench)).length === 3, {
      what: 'the runs in the history',
      seen: () => written(bench),
    });
    const { runs } = await history(bench);
    expect(runs.map(({ handle, outcome }) => [handle, outcome]).slice(0, 2)).toEqual([
      [handles[1], 'exited'],
      [handles[0], 'completed'],
    ]);
    expect((await ask(bench, 'show', handles[0] ?? '')).stdout).toContain('prints');
  });
});

describeSites('a history whose database goes away', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2 } });

  test('loses nothing', async () => {
    const { site, daemon, caller } = bench;
    const gates = [newHandle('gate'), newHandle('gate')];
    await fillSlots(site, caller, gates, []);
    await site.server.stop();
    for (const gate of gates) {
      await daemon.logged(({ event: name, handle }) => name === 'run.ended' && handle === gate, 'run.ended');
    }
    const meanwhile = await history(bench);
    expect(meanwhile.runs.map(({ handle }) => handle).sort()).toEqual([...gates].sort());
    expect(meanwhile.notes[0]?.text).toContain('the database does not answer');
    expect((await ask(bench, 'show', gates[0]!)).stdout).toContain('ended: ');
    await site.server.restart();
    await waitFor(async () => (await written(bench)).length === 2, {
      what: 'the history to be written',
      seen: () => daemon.output.slice(-3000),
      limitMs: 60_000,
    });
    expect((await written(bench)).sort()).toEqual([...gates].sort());
    expect(await history(bench)).toMatchObject({ runs: [{}, {}], notes: [] });
    expect(daemon.lines.filter(({ event: name }) => name === 'history.dropped')).toEqual([]);
    await waitFor(async () => (await readRow(site, gates[0]!)) === undefined, { what: 'the row to be settled' });
  });
});
