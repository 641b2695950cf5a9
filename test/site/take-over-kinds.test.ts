import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { detail, event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { Pool, uselessServer } from '../harness/pool.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import type { Sights } from '../harness/sights.js';
import type { SiteKind } from '../harness/site.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

const mark = 'drupald_fixture_mark';
const env = { DRUPALD_POOL_TAKE_OVER: '1 s' };
const noGroups = { background_process_service_groups: {} };

/** A site and a pool of its daemons, made by each test, and ended behind the last one. */
function preparePools(kind: SiteKind) {
  const made: { suite?: Suite; site?: BootedSite } = {};
  const pools: Pool[] = [];
  const site = (): BootedSite => {
    if (made.site === undefined) throw new Error('There is no site yet.');
    return made.site;
  };

  beforeAll(async () => {
    made.suite = await openSuite();
    made.site = await made.suite.site(kind);
  }, 120_000);

  afterAll(async () => {
    for (const pool of pools) await pool.stop();
    await made.site?.close();
    await made.suite?.close();
  }, 60_000);

  const start = async (hosts: readonly string[], options: Parameters<typeof Pool.start>[3] = {}): Promise<Pool> => {
    for (const pool of pools.splice(0)) await pool.stop();
    if (made.suite === undefined) throw new Error('There is no suite yet.');
    const pool = await Pool.start(site(), made.suite, hosts, { slots: 1, env, ...options });
    pools.push(pool);
    return pool;
  };

  /** Has one process of www1 wait at a gate; how many rows wait there is for the caller to see. */
  const occupy = async (pool: Pool): Promise<string> => {
    const handle = newHandle('runs');
    expect(await pool.start('www1', 'drupald_fixture_gate', [handle], [handle])).toEqual([true]);
    await event(site(), handle, 'gate');
    return handle;
  };

  return { site, start, occupy };
}

/** Waits until a start waits at its daemon. */
const waits = (site: BootedSite, handle: string): Promise<unknown> =>
  waitFor(async () => (await readRow(site, handle))?.exec_status === 3, { what: `${handle} to wait` });

describeSites('what a take-over keeps of the request', ['real', 'locale'], (kind) => {
  const pools = preparePools(kind);

  test('language, address and headers of a start that waited at a daemon which is gone', async () => {
    const site = pools.site();
    const kept = (): Promise<{ sum: string }[]> => site.sql<{ sum: string }>('SELECT sum FROM {drupald_start}');
    const pool = await pools.start(['www1', 'www2']);
    await pools.occupy(pool);
    const [plain, danish] = [newHandle('plain'), newHandle('danish')];
    for (const [handle, prefix] of [
      [plain, ''],
      [danish, '/da'],
    ] as const) {
      const wish = { handle, callback: 'drupald_fixture_environment', serviceHost: 'www1' };
      const token = await insertRow(site, wish);
      const headers = prefix === '' ? [] : ['Accept-Language: da-DK', 'Cookie: secret=1'];
      const answer = await post(pool.member('www1').port, `${prefix}${startPath(handle, token)}`, { headers });
      expect(answer.status).toBe(200);
      await waits(site, handle);
    }
    await waitFor(async () => (await kept().catch(() => [])).length > 0, { what: 'the request to be kept' });
    const notes = await site.sql<{ note: string }>('SELECT CONVERT(note USING utf8) AS note FROM {drupald_start}');
    // The row of the plain one says everything.
    expect(notes).toHaveLength(1);
    expect(JSON.stringify(notes)).not.toContain('secret');
    await pool.perish('www1');
    const seen = detail(await event(site, danish, 'environment')) as Sights;
    expect(seen).toMatchObject({ language: 'da', absoluteUrl: 'http://site.test/da/node/7' });
    expect(seen.server).toMatchObject({ HTTP_ACCEPT_LANGUAGE: 'da-DK' });
    expect(detail(await event(site, plain, 'environment'))).toMatchObject({ language: 'en' });
    for (const handle of [plain, danish]) {
      await shutdowns(site, handle);
      expect(pool.said('start.taken-over', handle)).toEqual(['www2']);
    }
    await waitFor(async () => (await kept()).length === 0, { what: 'what was kept to be removed', seen: kept });
  });
});

describeSites('from whom starts are taken over', ['real'], (kind) => {
  const pools = preparePools(kind);

  test('by whoever has slots free, whatever waits there for a limit of its own', async () => {
    const site = pools.site();
    const config = join(site.root, '..', 'limited.yml');
    await writeFile(config, 'callbacks: { slots: { drupald_fixture_gate: 1 } }\n');
    const conf = { background_process_connection_timeout: 0.5 };
    const pool = await pools.start(['www1', 'www2'], { slots: 3, conf, config });
    const [runs, one, two, sent] = [newHandle('runs'), newHandle('held'), newHandle('held'), newHandle('sent')];
    for (const handle of [runs, one, two]) await pool.start('www2', 'drupald_fixture_gate', [handle], [runs]);
    await event(site, runs, 'gate');
    for (const handle of [one, two]) await waits(site, handle);
    await pool.perish('www1');
    await insertRow(site, { handle: sent, callback: mark, serviceHost: 'www1' });
    await shutdowns(site, sent);
    expect(pool.said('start.taken-over', sent)).toEqual(['www2']);
    for (const handle of [one, two]) expect(await readRow(site, handle)).toMatchObject({ exec_status: 3 });
    await openGate(site, runs);
    for (const handle of [runs, one, two]) await shutdowns(site, handle);
  });

  test('from service hosts of no common group, where they are named', async () => {
    const site = pools.site();
    const hanging = await uselessServer(false);
    try {
      const pool = await pools.start(['www1', 'www2'], {
        more: { unnamed: hanging.port, named: hanging.port },
        conf: { ...noGroups, background_process_connection_timeout: 0.5 },
        env: { ...env, DRUPALD_POOL_TAKE_OVER_FROM: 'www1, named' },
      });
      await pools.occupy(pool);
      const [waiting, left, sent] = [newHandle('waits'), newHandle('left'), newHandle('sent')];
      expect(await pool.start('www1', mark, [waiting])).toEqual([true]);
      await waits(site, waiting);
      expect(await pool.start('unnamed', mark, [left])).toEqual([true]);
      await pool.perish('www1');
      expect(await pool.start('named', mark, [sent])).toEqual([true]);
      for (const handle of [waiting, sent]) {
        expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
        expect(await events(site, handle, 'mark')).toHaveLength(1);
        expect(await pool.endedBy(handle)).toBe('www2');
      }
      // It was sent before the last one, and nobody may take it.
      expect(await readRow(site, left)).toMatchObject({ exec_status: 1, service_host: 'unnamed' });
      await site.sql('DELETE FROM {background_process} WHERE handle = ?', [left]);
    } finally {
      hanging.stop();
    }
  });

  test('also by a group that was made while the daemons run: in the database, and in settings.php', async () => {
    const site = pools.site();
    for (const place of ['the database', 'settings.php'] as const) {
      // What settings.php says comes before the database: nothing of it may be there.
      const none = { background_process_service_groups: undefined };
      const pool = await pools.start(['www1', 'www2'], { conf: place === 'the database' ? none : noGroups });
      await pools.occupy(pool);
      const waiting = newHandle('waits');
      expect(await pool.start('www1', mark, [waiting])).toEqual([true]);
      await waits(site, waiting);
      await pool.perish('www1');
      const { daemon } = pool.member('www2');
      const before = daemon.lines.length;
      const groups = { default: { hosts: ['www1', 'www2'] } };
      if (place === 'the database') {
        await site.variable('background_process_service_groups', groups);
      } else {
        await site.configure({ conf: { ...pool.conf, background_process_service_groups: groups } });
      }
      expect(await shutdowns(site, waiting)).toMatchObject([{ message: null }]);
      expect(await pool.endedBy(waiting)).toBe('www2');
      const told = daemon.lines.slice(before).filter((line) => line.event === 'site.reread');
      // Which change was seen first is not said: files of a template have links in the sites of other tests, too.
      expect(told).not.toEqual([]);
      await site.sql("DELETE FROM {variable} WHERE name = 'background_process_service_groups'");
      await site.php("cache_clear_all('variables', 'cache_bootstrap');");
    }
  });

  test('where processes have a database of their own', async () => {
    const site = pools.site();
    const other = await site.server.createDatabase(newHandle('processes').replace(/-/g, '_'));
    for (const table of ['background_process', 'progress']) {
      await site.server.administer(
        `CREATE TABLE \`${other.database}\`.${table} LIKE \`${site.database.database}\`.${table}`,
      );
    }
    await site.configure({ processDatabase: other });
    const row = async (handle: string): Promise<{ exec_status: number; service_host: string } | undefined> => {
      const rows = await site.server.administer(
        `SELECT exec_status, service_host FROM \`${other.database}\`.background_process WHERE handle = ?`,
        [handle],
      );
      return (rows as { exec_status: number; service_host: string }[])[0];
    };
    const pool = await pools.start(['www1', 'www2']);
    const running = await pools.occupy(pool);
    const waiting = [newHandle('waits'), newHandle('waits')];
    expect(await pool.start('www1', mark, waiting)).toEqual([true, true]);
    for (const handle of waiting) {
      await waitFor(async () => (await row(handle))?.exec_status === 3, { what: `${handle} to wait` });
    }
    await pool.perish('www1');
    for (const handle of waiting) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
      expect(await events(site, handle, 'mark')).toHaveLength(1);
      expect(await pool.endedBy(handle)).toBe('www2');
      expect(await row(handle)).toBeUndefined();
    }
    expect(await row(running)).toMatchObject({ exec_status: 2, service_host: 'www1' });
    await pool.revive('www1');
    expect(await shutdowns(site, running)).toHaveLength(1);
    await openGate(site, running);
  });
});
