import { expect, test } from 'vitest';
import { createConnection } from 'mysql2/promise';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { commandLine, descendants, nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { killSessions, sessions } from '../harness/sessions.js';
import { waitFor } from '../harness/wait.js';

describeSites('sessions that the database server ends, and rows that somebody locks', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2 } });

  /** A process that waits behind its gate; its worker's process id. */
  async function behindGate(end = 'return'): Promise<{ handle: string; pid: number }> {
    const handle = newHandle(`gate-${end}`);
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle, end]);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  /** What was logged about a handle. */
  const told = (handle: string, name: string): number =>
    bench.daemon.lines.filter((line) => line.event === name && line['handle'] === handle).length;

  test('those of the daemon: running work goes on, and new work is taken', async () => {
    const { site, daemon } = bench;
    const { handle } = await behindGate();
    const ids = await waitFor(
      async () => {
        const found = await sessions(site, daemon.pid);
        return found.length > 0 && found;
      },
      { what: 'a session of the daemon' },
    );
    await killSessions(site, ids);
    await openGate(site, handle);
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe('completed');
    expect(run.shutdowns).toHaveLength(1);
    expect((await runToEnd(bench, 'drupald_fixture_mark')).ended['outcome']).toBe('completed');
    await nothingLeft(site);
  });

  test('that of a worker in the middle of its callback', async () => {
    const { site } = bench;
    const { handle, pid } = await behindGate();
    await killSessions(site, await sessions(site, pid));
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe('database-lost');
    expect(run.shutdowns.map(({ message }) => message)).toEqual([
      expect.stringMatching(/lost its database connection/),
    ]);
    expect(run.progress?.message).toMatch(/lost its database connection/);
    expect(run.progress?.end_stamp).toBeGreaterThan(0);
    expect(told(handle, 'run.ended')).toBe(1);
    expect((await runToEnd(bench, 'drupald_fixture_mark')).ended['outcome']).toBe('completed');
    await nothingLeft(site);
  });

  test('those of workers that wait for a job: the next starts run all the same', async () => {
    const { site, daemon } = bench;
    const { handle } = await behindGate();
    const ids = await waitFor(
      async () => {
        const spares = descendants(daemon.pid).filter((pid) => commandLine(pid).startsWith('drupald spare'));
        const found = await Promise.all(spares.map((pid) => sessions(site, pid).catch(() => [])));
        return found.flat().length > 0 && found.flat();
      },
      { what: 'a worker that waits with a session' },
    );
    await killSessions(site, ids);
    for (const run of [await runToEnd(bench, 'drupald_fixture_mark'), await runToEnd(bench, 'drupald_fixture_mark')]) {
      expect(run.ended['outcome']).toBe('completed');
      expect(await events(site, run.handle, 'mark')).toHaveLength(1);
    }
    await openGate(site, handle);
    await finished(bench, handle);
  });

  test.each(['kill', 'throw'])('a row that another session locks is settled when it is let go: %s', async (end) => {
    const { site, daemon } = bench;
    await site.server.administer('SET GLOBAL innodb_lock_wait_timeout = 1');
    const { handle } = await behindGate(end);
    const other = await createConnection({
      host: '127.0.0.1',
      port: site.database.port,
      user: site.database.user,
      password: site.database.password,
      database: site.database.database,
    });
    await other.query('START TRANSACTION');
    await other.query('SELECT * FROM background_process WHERE handle = ? FOR UPDATE', [handle]);
    await openGate(site, handle);
    // Whoever comes first: a helper gives up, or the daemon itself waits for the row, and could not tell the hook.
    await waitFor(
      async () => {
        const own = await sessions(site, daemon.pid);
        const busy = (await site.server.administer(
          "SELECT id FROM information_schema.processlist WHERE command = 'Query' AND info LIKE 'DELETE%'",
        )) as { id: number }[];
        return told(handle, 'settle.postponed') > 0 || busy.some(({ id }) => own.includes(id));
      },
      { what: 'the end to be postponed, or the daemon to wait for the row' },
    );
    expect(await events(site, handle, 'shutdown')).toEqual([]);
    await other.query('COMMIT');
    await other.end();
    await daemon.logged((line) => line.event === 'run.settled' && line['handle'] === handle, 'run.settled');
    expect(await readRow(site, handle)).toBeUndefined();
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe(end === 'kill' ? 'signalled' : 'threw');
    expect(run.shutdowns).toHaveLength(1);
    expect(run.shutdowns[0]?.message).toBe(run.ended['sentence']);
    expect(told(handle, 'run.settled')).toBe(1);
    await nothingLeft(site);
  });
});
