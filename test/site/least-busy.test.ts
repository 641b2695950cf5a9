import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { enableOwnModule } from '../harness/own-module.js';
import { PageServer } from '../harness/page-server.js';
import type { Suite } from '../harness/suite.js';

describeSites('the balancer "least busy"', ['real'], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  const servers: PageServer[] = [];
  const server = (number: number): PageServer => {
    const found = servers[number - 1];
    if (found === undefined) throw new Error(`There is no server ${number}.`);
    return found;
  };

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    await enableOwnModule(site);
    for (let index = 0; index < 3; index += 1) servers.push(await PageServer.start());
    const hosts = servers.map(({ address }, index) => [`www${index + 1}`, { base_url: `${address}/folder` }] as const);
    await site.configure({
      conf: {
        background_process_service_hosts: Object.fromEntries([
          ...hosts,
          ['www3_ass', { base_url: `${server(3).address}/echo/server-status`, http_host: 'status.example' }],
          ['gone', { base_url: 'http://127.0.0.1:1' }],
        ]),
        // Nothing here may depend on how fast this machine is.
        drupald_balance_patience: 2,
        drupald_balance_memory: 60,
        background_process_service_groups: {
          default: { hosts: ['www1', 'www2'], method: 'drupald_service_group_least_busy' },
        },
      },
    });
  }, 120_000);
  afterAll(async () => {
    for (const one of servers) await one.stop();
    await site.close();
    await suite.close();
  });

  /** How often each of some hosts is chosen, by a PHP process that has not asked them yet. */
  async function shares(times: number, hosts: readonly string[]): Promise<Record<string, number>> {
    const caller = await site.caller();
    const chosen = await caller.php<string[]>(
      '$chosen = array(); for ($i = 0; $i < $args[0]; $i++) { $chosen[] = drupald_service_group_least_busy(array("hosts" => $args[1])); } return $chosen;',
      [times, hosts],
    );
    await caller.close();
    return Object.fromEntries(hosts.map((host) => [host, chosen.filter((one) => one === host).length]));
  }
  const page = (busy: number, idle: number, waiting?: number): string =>
    `site.test\nServerMPM: drupald\nBusyWorkers: ${busy}\nIdleWorkers: ${idle}\n${waiting === undefined ? '' : `WaitingProcesses: ${waiting}\n`}Scoreboard: __W\n`;

  test('it gives each host work for its slots, and what was given counts at once', async () => {
    server(1).status = page(0, 4);
    server(2).status = page(0, 2);
    expect(await shares(12, ['www1', 'www2'])).toEqual({ www1: 8, www2: 4 });
    server(1).status = page(4, 0, 10);
    server(2).status = page(2, 0, 1);
    expect(await shares(3, ['www1', 'www2'])).toEqual({ www1: 0, www2: 3 });
    server(1).status = page(3, 1);
    expect(await shares(2, ['www1', 'www2'])).toEqual({ www1: 2, www2: 0 });
  });

  test('hosts that refuse, are silent, cannot run anything or are not known get nothing', async () => {
    server(1).status = page(9, 1);
    server(2).status = undefined;
    expect(await shares(4, ['www1', 'www2', 'gone', 'unknown'])).toEqual({ www1: 4, www2: 0, gone: 0, unknown: 0 });
    server(2).status = page(0, 0);
    expect(await shares(4, ['www2', 'www1'])).toEqual({ www2: 0, www1: 4 });
  });

  test('where none answers they take turns', async () => {
    server(1).status = server(2).status = 'no such page';
    expect(await shares(8, ['www1', 'www2'])).toEqual({ www1: 4, www2: 4 });
  });

  test('a page of status with a name of its own is asked there', async () => {
    server(3).forget();
    server(1).status = page(0, 4);
    // What comes from there is no page of status.
    expect(await shares(2, ['www1', 'www3'])).toEqual({ www1: 2, www3: 0 });
    expect(server(3).lastEcho).toMatchObject({
      url: '/echo/server-status?auto',
      headers: { host: 'status.example' },
    });
  });

  test('a group of Background Process uses it, and its settings offer it', async () => {
    server(1).status = page(4, 0);
    server(2).status = page(0, 4);
    const [host, methods] = await site.php<[string, Record<string, string>]>(
      '$p = new BackgroundProcess("balanced"); $host = $p->determineServiceHost(); $info = module_invoke_all("service_group"); return array($host, $info["methods"]);',
    );
    expect(host).toBe('www2');
    expect(methods['drupald_service_group_least_busy']).toBe('Least busy');
  });
});
