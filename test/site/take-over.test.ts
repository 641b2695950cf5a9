import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { drupald } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { Pool, uselessServer } from '../harness/pool.js';
import { readRow } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';

const mark = 'drupald_fixture_mark';
const gateCallback = 'drupald_fixture_gate';

describeSites('several daemons of one site', ['real'], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let pool: Pool;
  let refusing: Awaited<ReturnType<typeof uselessServer>>;
  let hanging: Awaited<ReturnType<typeof uselessServer>>;

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    // As an older drupald has made it.
    await site.sql(
      'CREATE TABLE {drupald_daemon} (id CHAR(36) NOT NULL PRIMARY KEY, host VARCHAR(255) NOT NULL,' +
        ' pid INT UNSIGNED NOT NULL, started BIGINT NOT NULL, beat BIGINT NOT NULL)',
    );
    refusing = await uselessServer(true);
    hanging = await uselessServer(false);
    pool = await Pool.start(site, suite, ['www1', 'www2', 'www3'], {
      more: { refuses: refusing.port, hangs: hanging.port },
      slots: 2,
      env: { DRUPALD_POOL_TAKE_OVER: '1 s' },
    });
  }, 120_000);

  afterAll(async () => {
    await pool.stop();
    refusing.stop();
    hanging.stop();
    await site.close();
    await suite.close();
  }, 60_000);

  const handles = (name: string, count: number): string[] => Array.from({ length: count }, () => newHandle(name));

  /** Has two processes of www1 wait at a gate and more behind them for a slot. */
  async function fill(name: string, count: number): Promise<{ running: string[]; waiting: string[] }> {
    const [running, waiting] = [handles(`${name}-runs`, 2), handles(`${name}-waits`, count)];
    expect(await pool.start('www1', gateCallback, running, [name])).toEqual([true, true]);
    await Promise.all(running.map((handle) => event(site, handle, 'gate')));
    expect(await pool.start('www1', mark, waiting)).toEqual(waiting.map(() => true));
    await Promise.all(
      waiting.map((handle) =>
        waitFor(async () => (await readRow(site, handle))?.exec_status === 3, { what: `${handle} to wait` }),
      ),
    );
    return { running, waiting };
  }

  /** Each of these has run once, its hook was told once, and one of the others took it. */
  async function ranElsewhere(all: readonly string[]): Promise<void> {
    for (const handle of all) {
      expect(await shutdowns(site, handle), handle).toMatchObject([{ message: null }]);
      expect(await events(site, handle, 'mark'), handle).toHaveLength(1);
      expect(pool.said('start.taken-over', handle), handle).toHaveLength(1);
    }
  }

  test('all are listed, in a table of an older daemon, too', async () => {
    const { daemon } = pool.member('www2');
    const { stdout } = await drupald(['ps', '--all', '--json', '--state-dir', daemon.stateDir]);
    const [listed] = (JSON.parse(stdout) as { sites: { daemons: Record<string, unknown>[] }[] }).sites;
    const found = listed?.daemons.map(({ address, serves, slots, state, asked }) => ({
      ...{ address, serves, slots, state, asked },
    }));
    const expected = pool.members.map(({ host, port }) => ({
      ...{ address: `127.0.0.1:${port}`, serves: [host], slots: 2, state: 'running', asked: host === 'www2' },
    }));
    expect(found).toEqual(expect.arrayContaining(expected));
    expect(found).toHaveLength(3);
    const table = await drupald(['ps', '--all', '--state-dir', daemon.stateDir]);
    expect(table.stdout).toMatch(/www2 .*running \(this one\)/);
  });

  test.each(['refuses', 'hangs'])('what is sent to a host that %s runs once on the others', async (host) => {
    const sent = handles(host, 6);
    expect(await pool.start(host, mark, sent)).toEqual(sent.map(() => true));
    await ranElsewhere(sent);
  });

  test('of a daemon that is frozen only what waits moves, and nothing of it runs twice when it comes back', async () => {
    const { running, waiting } = await fill('frozen', 4);
    const { daemon } = pool.member('www1');
    process.kill(daemon.pid, 'SIGSTOP');
    const late = newHandle('late');
    expect(await pool.start('www1', mark, [late])).toEqual([true]);
    await ranElsewhere([...waiting, late]);
    for (const handle of running) {
      expect(await readRow(site, handle)).toMatchObject({ exec_status: 2, service_host: 'www1' });
    }
    process.kill(daemon.pid, 'SIGCONT');
    await daemon.logged((line) => line.event === 'start.refused' && line['handle'] === late, 'the late start refused');
    for (const handle of waiting) {
      const line = await daemon.logged(
        (one) => one.event === 'run.dropped' && one['handle'] === handle,
        `run.dropped of ${handle}`,
      );
      expect(line['reason']).toMatch(/taken (it )?over/);
    }
    await openGate(site, 'frozen');
    for (const handle of running) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
      expect(await events(site, handle, 'gate')).toHaveLength(1);
    }
    // All that was sent is over: what would run twice, would have by now.
    await ranElsewhere([...waiting, late]);
    expect(pool.said('start.taken-over', running[0] ?? '')).toEqual([]);
  });

  test('one that was frozen with a start in the hands of a worker does not run what another took', async () => {
    const handle = newHandle('before-claim');
    await site.variable('drupald_fixture_init', 'gate');
    expect(await pool.start('www1', mark, [handle])).toEqual([true]);
    const { daemon } = pool.member('www1');
    await waitFor(async () => (await events(site, '', 'gate')).some(({ detail: name }) => name === 'init'), {
      what: 'its worker to wait before the claim',
      seen: () => events(site),
    });
    process.kill(daemon.pid, 'SIGSTOP');
    await waitFor(() => pool.said('start.taken-over', handle).length === 1, { what: 'another to take it' });
    await site.variable('drupald_fixture_init', '');
    await openGate(site, 'init');
    await ranElsewhere([handle]);
    process.kill(daemon.pid, 'SIGCONT');
    const dropped = await daemon.logged(
      (line) => line.event === 'run.dropped' && line['handle'] === handle,
      'run.dropped',
    );
    // Its worker was admitted before the other daemon took it; which of the two is at the row first is open.
    expect(dropped['reason']).toMatch(/taken it over|no longer exists|another token|somebody else has claimed it/);
    await ranElsewhere([handle]);
  });

  test('of a daemon that is gone with its workers what waits runs elsewhere, and the next one settles what ran', async () => {
    const { running, waiting } = await fill('gone', 5);
    await pool.perish('www1');
    await ranElsewhere(waiting);
    for (const handle of running) {
      expect(await readRow(site, handle)).toMatchObject({ exec_status: 2, service_host: 'www1' });
    }
    await pool.revive('www1');
    for (const handle of running) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: expect.stringMatching(/./) as string }]);
    }
    await ranElsewhere(waiting);
  });

  describe('doctor', () => {
    test('names a daemon that is gone while starts wait for it and nobody takes over', async () => {
      await pool.perish('www1');
      const handle = newHandle('left');
      // As one that is set aside: it waits, and none of the others may serve it.
      await site.sql('UPDATE {drupald_daemon} SET serves = \'["lonely"]\' WHERE address = ?', [
        `127.0.0.1:${pool.member('www1').port}`,
      ]);
      await site.sql('INSERT INTO {background_process} SET ?', [
        { handle, token: 'x', service_host: 'lonely', start_stamp: '1000.000000', exec_status: 3, uid: 0 },
      ]);
      await waitFor(
        async () => {
          const told = await drupald(['doctor', '--json', '--state-dir', pool.member('www2').daemon.stateDir]);
          return told.stdout.includes('daemon-silent');
        },
        { what: 'daemon-silent' },
      );
      await site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
    });
  });

  test('where that is wished, those with free slots run what waits at one that lives', async () => {
    await pool.stop();
    pool = await Pool.start(site, suite, ['www1', 'www2', 'www3'], {
      slots: 2,
      env: { DRUPALD_POOL_SHARE_AFTER: '500 ms' },
    });
    const [running, waiting] = [handles('busy', 2), handles('shared', 6)];
    expect(await pool.start('www1', gateCallback, running, ['shared'])).toEqual([true, true]);
    await Promise.all(running.map((handle) => event(site, handle, 'gate')));
    expect(await pool.start('www1', mark, waiting)).toEqual(waiting.map(() => true));
    await ranElsewhere(waiting);
    // Whoever had them forgets them without a word to the site.
    const { daemon } = pool.member('www1');
    for (const handle of waiting) {
      const dropped = await daemon.logged(
        (line) => line.event === 'run.dropped' && line['handle'] === handle,
        `run.dropped of ${handle}`,
      );
      expect(dropped['reason']).toMatch(/taken (it )?over/);
    }
    await openGate(site, 'shared');
    for (const handle of running) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
      expect(await pool.endedBy(handle)).toBe('www1');
    }
    await ranElsewhere(waiting);
  });
});
