import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Apache, hasApache } from '../harness/apache.js';
import type { BootedSite } from '../harness/booted-site.js';
import { Daemon } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { event, openGate, shutdowns } from '../harness/fixture-log.js';
import { freePort } from '../harness/mariadb.js';
import { Pool, poolConf } from '../harness/pool.js';
import { readmeBlock } from '../harness/readme.js';
import { enableModules } from '../harness/real-site.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';

const hosts = ['www1', 'www2', 'www3'];
const mark = 'drupald_fixture_mark';
const hasIpv6 = existsSync('/proc/net/if_inet6') && readFileSync('/proc/net/if_inet6', 'utf8').includes(' lo');

describeSites('service hosts and groups', ['real'], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let pool: Pool;
  const others: Daemon[] = [];
  const servers: Apache[] = [];

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    await enableModules(site, ['background_process_ass']);
    pool = await Pool.start(site, suite, hosts, { slots: 16, env: { DRUPALD_POOL_TAKE_OVER: 'off' } });
  }, 120_000);

  afterAll(async () => {
    await pool.stop();
    for (const one of others) {
      await one.stop();
      await one.forget();
    }
    for (const server of servers) await server.stop();
    await site.close();
    await suite.close();
  }, 60_000);

  /** The variables of the pool with others. */
  const configure = async (change: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<void> => {
    const conf = poolConf(Object.fromEntries(pool.members.map(({ host, port }) => [host, port])));
    const known = conf['background_process_service_hosts'] as object;
    await site.configure({ conf: { ...conf, ...change, background_process_service_hosts: { ...known, ...more } } });
  };

  const balance = (method: string): Promise<void> =>
    configure({ background_process_service_groups: { default: { hosts, method } } });

  const choices = (count: number): Promise<Record<string, number>> =>
    site.php<Record<string, number>>('return drupald_fixture_choices($args);', count);

  /** Starts so many that name no host; how many each daemon ran. */
  async function ranBy(count: number): Promise<number[]> {
    const caller = await site.caller();
    const handles = await caller.startMany(Array.from({ length: count }, () => ({ callback: mark })));
    await caller.close();
    const ended = await Promise.all(handles.map((handle) => pool.endedBy(String(handle))));
    for (const handle of handles) {
      expect(await shutdowns(site, String(handle))).toHaveLength(1);
    }
    return hosts.map((host) => ended.filter((one) => one === host).length);
  }

  test('round robin gives equal shares', async () => {
    await balance('background_process_service_group_round_robin');
    expect(await choices(900)).toEqual({ www1: 300, www2: 300, www3: 300 });
    expect(await ranBy(15)).toEqual([5, 5, 5]);
  });

  test('random gives equal shares in the long run', async () => {
    await balance('background_process_service_group_random');
    const shares = await choices(900);
    // Six times the spread that chance has.
    for (const host of hosts) expect(Math.abs((shares[host] ?? 0) - 300), JSON.stringify(shares)).toBeLessThan(85);
  });

  test('a method of the site’s own gives the shares that it chooses', async () => {
    await balance('drupald_fixture_weighted');
    expect(await choices(900)).toEqual({ www1: 150, www2: 300, www3: 450 });
    expect(await ranBy(12)).toEqual([2, 4, 6]);
  });

  test('idle workers spares a daemon that is busy', async () => {
    await balance('background_process_ass_service_group_idle');
    const gate = newHandle('busy');
    const busy = Array.from({ length: 12 }, () => newHandle('busy'));
    await pool.start('www1', 'drupald_fixture_gate', busy, [gate]);
    await Promise.all(busy.map((handle) => event(site, handle, 'gate')));
    const { www1 = 0, www2 = 0, www3 = 0 } = await choices(60);
    expect(www1).toBeLessThan(10);
    expect(www1 + www2 + www3).toBe(60);
    expect(Math.abs(www2 - www3)).toBeLessThanOrEqual(2);
    await openGate(site, gate);
    for (const handle of busy) await shutdowns(site, handle);
  });

  test('a host that is not defined, and a method that chooses one, fall back to the default host', async () => {
    const [, www2] = pool.members;
    const base = `http://127.0.0.1:${www2?.port ?? 0}`;
    const change = { background_process_service_groups: { default: { hosts: ['gone'] } } };
    await configure(change, { default: { base_url: base, http_host: 'site.test' } });
    const named = newHandle('unknown');
    const chosen = newHandle('chosen');
    expect(await pool.start('nowhere', mark, [named])).toEqual([true]);
    expect(await pool.start('', mark, [chosen])).toEqual([true]);
    for (const handle of [named, chosen]) {
      await shutdowns(site, handle);
      expect(await pool.endedBy(handle)).toBe('www2');
    }
  });

  test('a user and password in the address, and a default host that one line names', async () => {
    const [www1, , www3] = pool.members;
    await configure(
      {
        background_process_service_groups: {},
        background_process_derived_default_host: {
          default: { base_url: `http://127.0.0.1:${www3?.port ?? 0}`, http_host: 'site.test' },
        },
      },
      { auth: { base_url: `http://someone:s3cret@127.0.0.1:${www1?.port ?? 0}`, http_host: 'site.test' } },
    );
    const [auth, derived] = [newHandle('auth'), newHandle('derived')];
    expect(await pool.start('auth', mark, [auth])).toEqual([true]);
    expect(await pool.start('', mark, [derived])).toEqual([true]);
    await shutdowns(site, auth);
    await shutdowns(site, derived);
    expect([await pool.endedBy(auth), await pool.endedBy(derived)]).toEqual(['www1', 'www3']);
    expect(pool.members.map(({ daemon }) => daemon.output).join('\n')).not.toContain('s3cret');
  });

  test.skipIf(!hasIpv6)('an IPv6 address', async () => {
    const port = await freePort();
    await configure({}, { v6: { base_url: `http://[::1]:${port}`, http_host: 'site.test' } });
    const sites = [{ root: site.root, uris: site.uris }];
    const daemon = await Daemon.start({ sites, folder: suite.folder, port, flags: ['--listen', `[::1]:${port}`] });
    others.push(daemon);
    const handle = newHandle('v6');
    expect(await pool.start('v6', mark, [handle])).toEqual([true]);
    await shutdowns(site, handle);
    await daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'its end');
    expect(await (await fetch(`http://[::1]:${port}/server-status?auto`)).text()).toContain('IdleWorkers: ');
  });

  test.skipIf(!hasApache())(
    '"Determine default service host" finds a daemon behind the rule of a web server',
    async () => {
      const port = await freePort();
      const extra = readmeBlock('apache', { 'http://127.0.0.1:8970': `http://127.0.0.1:${port}` });
      const { root, account } = site;
      const apache = await Apache.start({ root, account, folder: suite.folder, extra });
      servers.push(apache);
      const address = `http://site.test:${apache.port}`;
      others.push(await Daemon.start({ sites: [{ root, uris: [address] }], folder: suite.folder, port }));
      await site.configure({ conf: { file_temporary_path: '/tmp' } });
      const caller = await site.caller({ uri: address });
      const found = await caller.php<{ base_url: string; http_host: string }>(
        `$found = background_process_determine_default_service_host();
       variable_set('background_process_derived_default_host', array('default' => $found));
       return $found;`,
      );
      expect(found).toEqual({ base_url: `http://127.0.0.1:${apache.port}`, http_host: `site.test:${apache.port}` });
      const handle = newHandle('determined');
      const again = await site.caller({ uri: address });
      expect(await again.startLocked(handle, mark)).toBe(handle);
      await shutdowns(site, handle);
      await others.at(-1)?.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'its end');
    },
  );
});
