import { afterEach, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { failAsVictims, failNoMore } from '../harness/deadlocks.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { sessions } from '../harness/sessions.js';
import { waitFor } from '../harness/wait.js';

describeSites('a daemon that is killed before it has freed the lock of a dead run', [], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2 } });

  afterEach(() => failNoMore(bench.site));

  /** A process that holds a lock of its own name and waits; its worker's process id. */
  async function holdsLock(): Promise<{ handle: string; pid: number }> {
    const handle = newHandle('locks');
    await bench.caller.startLocked(handle, 'drupald_fixture_locks', [handle, 'gate']);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  const lockOf = (handle: string): Promise<unknown[]> =>
    bench.site.sql('SELECT name FROM {semaphore} WHERE name = ?', [handle]);

  async function toldOnce(handle: string): Promise<void> {
    await nothingLeft(bench.site, bench.daemon);
    expect(await events(bench.site, handle, 'shutdown')).toHaveLength(1);
    expect(await events(bench.site, handle, 'lock')).toHaveLength(1);
  }

  test('while its run counts as over: the next one frees it', async () => {
    const { handle, pid } = await holdsLock();
    await failAsVictims(bench.site, { verb: 'DELETE', table: 'semaphore', rows: `OLD.name = '${handle}'` }, 1_000);
    process.kill(pid, 'SIGKILL');
    const run = await finished(bench, handle);
    await bench.daemon.kill9();
    expect(run.ended['outcome']).toBe('signalled');
    expect(run.shutdowns.map(({ message }) => message)).toEqual([run.ended['sentence']]);
    expect(await readRow(bench.site, handle)).toBeUndefined();
    expect(await lockOf(handle)).toHaveLength(1);
    await failNoMore(bench.site);
    await bench.restart();
    await toldOnce(handle);
  });

  test('while it waits for the table: the next one frees it', async () => {
    const { site, daemon } = bench;
    const { handle, pid } = await holdsLock();
    // So that the helper gives up soon, and the daemon is the one that waits.
    await site.server.administer('SET GLOBAL lock_wait_timeout = 1');
    const other = await site.pool.getConnection();
    await other.query('LOCK TABLES semaphore WRITE');
    process.kill(pid, 'SIGKILL');
    await waitFor(
      async () => {
        const waiting = (await site.server.administer(
          "SELECT id FROM information_schema.processlist WHERE info LIKE 'DELETE FROM %semaphore%' AND user = ?",
          [site.database.user],
        )) as { id: number }[];
        const own = await sessions(site, daemon.pid);
        return waiting.some(({ id }) => own.includes(id));
      },
      { what: 'the daemon to wait for the table', seen: () => daemon.output.slice(-3000) },
    );
    await daemon.kill9();
    expect(await readRow(site, handle)).toBeUndefined();
    await site.server.administer(`KILL CONNECTION ${String(other.threadId)}`);
    other.destroy();
    await site.server.administer('SET GLOBAL lock_wait_timeout = DEFAULT');
    await bench.restart();
    await toldOnce(handle);
  });

  test('after the next one has been killed over it, too, and the database has been away', async () => {
    const { site } = bench;
    const { handle, pid } = await holdsLock();
    await failAsVictims(site, { verb: 'DELETE', table: 'semaphore', rows: `OLD.name = '${handle}'` }, 1_000);
    process.kill(pid, 'SIGKILL');
    await finished(bench, handle);
    await bench.daemon.kill9();
    await bench.restart();
    await bench.daemon.kill9();
    await site.server.stop();
    await site.server.restart();
    expect(await lockOf(handle)).toHaveLength(1);
    await failNoMore(site);
    await bench.restart();
    await toldOnce(handle);
  });
});
