import { type Connection, createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineRunning } from '../harness/doctor.js';
import { event, events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { troubles } from '../harness/troubles.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

/** Ways in which a server stops doing what it did, and back. */
const limits = [
  ['takes no changes', 'DRUPALD_DATABASE_READ_ONLY'],
  ['gives no further connection', 'DRUPALD_DATABASE_CONNECTIONS'],
] as const;

describeSites('a database server', [], (kind) => {
  // Each worker has to ask for a connection.
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2, isolation: 'fresh' } });

  let last: Connection | undefined;

  /** Does it, or takes it back. */
  async function limit(what: string, on: boolean): Promise<void> {
    const { server } = bench.site;
    const { host, port, user, password } = bench.site.database;
    if (what === 'takes no changes') {
      await server.administer(`SET GLOBAL read_only = ${Number(on)}`);
      return;
    }
    await server.administer(`GRANT USAGE ON *.* TO '${user}'@'127.0.0.1' WITH MAX_USER_CONNECTIONS ${Number(on)}`);
    await last?.end();
    // The server counts from the grant on: this is the one that it gives.
    last = on ? await createConnection({ host, port, user, password }) : undefined;
  }

  test.each(limits)('that %s: ends and starts wait, and nothing happens twice', async (what, code) => {
    const { site, daemon, caller } = bench;
    const running = newHandle('running');
    await caller.startLocked(running, 'drupald_fixture_gate', [running]);
    const { pid } = await event(site, running, 'gate');
    const waiting = newHandle('waiting');
    const token = await insertRow(site, { handle: waiting });
    await limit(what, true);
    expect([200, 503]).toContain((await post(daemon.port, startPath(waiting, token))).status);
    await waitFor(async () => (await troubles(daemon)).includes(code), {
      what: `${code} in ps`,
      seen: () => daemon.output.slice(-3000),
    });
    process.kill(pid, 'SIGKILL');
    await daemon.logged((line) => line.event === 'settle.postponed' && line['handle'] === running, 'settle.postponed');
    expect(JSON.stringify(await daemon.ps())).toContain('"unsettled":1');
    expect((await examineRunning(daemon.stateDir)).findings.map(({ title }) => title).join()).toContain(code);
    expect(await readRow(site, running)).toMatchObject({ exec_status: 2 });
    expect(await readRow(site, waiting)).toBeDefined();
    await limit(what, false);
    await daemon.logged((line) => line.event === 'run.settled' && line['handle'] === running, 'run.settled');
    const run = await finished(bench, running);
    expect(run.ended['outcome']).toBe('signalled');
    expect(run.shutdowns.map(({ message }) => message)).toEqual([run.ended['sentence']]);
    expect((await finished(bench, waiting)).ended['outcome']).toBe('completed');
    expect(await events(site, waiting, 'mark')).toHaveLength(1);
    await waitFor(async () => (await troubles(daemon)).length === 0, { what: 'the trouble to go' });
    expect(JSON.stringify(await daemon.ps())).toContain('"unsettled":0');
    await nothingLeft(site);
  });
});

describeSites('a database server with few connections', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true });

  test('is not used up by the slots', async () => {
    const { site } = bench;
    const connections = 36;
    await site.server.administer(`SET GLOBAL max_connections = ${connections}`);
    await bench.restart();
    await site.server.administer('FLUSH STATUS');
    const handles = Array.from({ length: 40 }, () => newHandle('crowd'));
    await bench.caller.startMany(
      handles.map((handle) => ({ handle, callback: 'drupald_fixture_sleeps', args: [0.05] })),
    );
    for (const handle of handles) {
      expect((await finished(bench, handle)).ended['outcome']).toBe('completed');
    }
    const [used] = (await site.server.administer("SHOW GLOBAL STATUS LIKE 'Max_used_connections'")) as {
      Value: string;
    }[];
    // Those of the test itself count, too.
    expect(Number(used?.Value)).toBeLessThan(connections * 0.75);
    expect(bench.daemon.output).not.toMatch(/Too many connections|CON_COUNT/);
  });
});
