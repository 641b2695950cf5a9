import { afterAll, beforeAll, expect, test } from 'vitest';
import { set } from '../harness/batches.js';
import type { BootedSite } from '../harness/booted-site.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { detail, event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { Pool } from '../harness/pool.js';
import { enableModules } from '../harness/real-site.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';

const mark = 'drupald_fixture_mark';

/**
 * What the module's documentation shows of processes, service hosts, service groups and load balancing, each snippet
 * with the addresses of daemons. Its snippets of HTTP requests are in requests.test.ts.
 */
describeSites('what the documentation of Background Process shows', ['real'], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let pool: Pool;

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    await enableModules(site, ['background_process_ass', 'background_batch']);
    pool = await Pool.start(site, suite, ['ultimate_cron_poorman', 'www1', 'www2'], {
      slots: 8,
      // Where a process ran must say where it was sent.
      env: { DRUPALD_POOL_TAKE_OVER: 'off' },
    });
  }, 120_000);

  afterAll(async () => {
    await pool.stop();
    await site.close();
    await suite.close();
  }, 60_000);

  const port = (host: string): number => pool.member(host).port;

  /** Its service hosts, as lines of settings.php. */
  const serviceHosts = (): string => `
    $conf['file_temporary_path'] = '/tmp';
    $conf['background_process_service_hosts'] = array(
      'ultimate_cron_poorman' => array(
        'base_url' => 'http://127.0.0.1:${port('ultimate_cron_poorman')}',
        'http_host' => 'site.test',
      ),
      'www1' => array(
        'base_url' => 'http://my-username:my-password@127.0.0.1:${port('www1')}',
        'http_host' => 'site.test',
      ),
      'www2' => array(
        'base_url' => 'http://127.0.0.1:${port('www2')}',
        'http_host' => 'site.test',
      ),
      // Apache server status declaration for www1.
      'www1_ass' => array(
        'base_url' => 'http://127.0.0.1:${port('www1')}/server-status',
        'http_host' => '127.0.0.1',
      ),
    );`;

  const groups = (methods: Readonly<Record<string, string>> = {}): string => {
    const lines = Object.entries({
      default: "'ultimate_cron_poorman', 'www1', 'www2'",
      cron: "'ultimate_cron_poorman'",
      services: "'www1', 'www2'",
      misc: "'www1', 'www2'",
    }).map(([name, hosts]) => {
      const method = methods[name] === undefined ? '' : `, 'method' => '${methods[name]}'`;
      return `'${name}' => array('hosts' => array(${hosts})${method}),`;
    });
    return `$conf['background_process_service_groups'] = array(${lines.join('\n')});`;
  };

  /** Starts so many processes in a group, by one page; how many each daemon ran. */
  async function ranIn(group: string, count: number): Promise<Record<string, number>> {
    const handles = Array.from({ length: count }, () => newHandle(group));
    const answers = await site.php<unknown[]>(
      `foreach ($args[1] as $handle) {
         $process = new BackgroundProcess($handle);
         $process->service_group = $args[0];
         $answers[] = $process->start('${mark}', array());
       }
       return $answers;`,
      [group, handles],
    );
    expect(answers).toEqual(handles.map(() => true));
    const ran: Record<string, number> = {};
    for (const handle of handles) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
      const host = await pool.endedBy(handle);
      ran[host] = (ran[host] ?? 0) + 1;
    }
    return ran;
  }

  test('executing a background process: a function, a static method, a method of an object, and one under a lock', async () => {
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${groups()}` });
    const handles = await site.php<string[]>(
      `$myvar1 = 'one';
       $myvar2 = array('two' => 2);
       $myobject = new DrupaldFixtureCallbacks('lab');
       $handles[] = background_process_start('drupald_fixture_arguments', $myvar1, $myvar2);
       $handles[] = background_process_start(array('DrupaldFixtureCallbacks', 'statically'), $myvar1, $myvar2);
       $handles[] = background_process_start(array($myobject, 'method'), $myvar1, $myvar2);
       return $handles;`,
    );
    const [named = '', statically = '', method = ''] = handles;
    const md5 = await site.php<string>("return md5(serialize(array('one', array('two' => 2))));");
    expect(detail(await event(site, named, 'arguments'))).toMatchObject({ count: 2, md5 });
    expect((await event(site, statically, 'static_method')).detail).toBe('one');
    expect((await event(site, method, 'method')).detail).toBe('lab/secret of lab/one');
    for (const handle of handles) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
    }
    const lock = newHandle('dontrunconcurrently');
    const locked = (): Promise<unknown> =>
      site.php("return background_process_start_locked($args, 'drupald_fixture_gate', $args);", lock);
    expect(await locked()).toBe(lock);
    await event(site, lock, 'gate');
    // The same again while it runs is refused, and afterwards it may run again.
    expect(await locked()).toBe(false);
    await openGate(site, lock);
    expect(await shutdowns(site, lock)).toHaveLength(1);
    expect(await locked()).toBe(lock);
    await waitFor(async () => (await events(site, lock, 'shutdown')).length === 2, { what: 'the end of the second' });
    expect(await events(site, lock, 'gate')).toHaveLength(2);
  });

  test('pool management: each group runs on its own hosts, one of them with a user and a password', async () => {
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${groups()}` });
    expect(await ranIn('default', 6)).toEqual({ ultimate_cron_poorman: 2, www1: 2, www2: 2 });
    expect(await ranIn('cron', 2)).toEqual({ ultimate_cron_poorman: 2 });
    expect(await ranIn('services', 4)).toEqual({ www1: 2, www2: 2 });
    expect(pool.members.map(({ daemon }) => daemon.output).join('')).not.toContain('my-password');
  });

  test('pool management: the status page that is declared for www1 is that of its daemon', async () => {
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${groups()}` });
    const idle = await site.php<number>(
      "return (int) background_process_ass_get_server_status('www1_ass', TRUE, TRUE);",
    );
    expect(idle).toBe(8);
  });

  test('load balancing: by a method of the site, by idle workers, and by the default of the module', async () => {
    const methods = { default: 'drupald_fixture_weighted', services: 'background_process_ass_service_group_idle' };
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${groups(methods)}` });
    const known = await site.php<string[]>(
      "$info = module_invoke_all('service_group'); return array_keys($info['methods']);",
    );
    expect(known).toEqual(
      expect.arrayContaining([
        'background_process_service_group_random',
        'background_process_ass_service_group_idle',
        'drupald_fixture_weighted',
      ]),
    );
    expect(await ranIn('default', 12)).toEqual({ ultimate_cron_poorman: 2, www1: 4, www2: 6 });
    expect(await ranIn('cron', 2)).toEqual({ ultimate_cron_poorman: 2 });
    const services = await ranIn('services', 4);
    expect((services['www1'] ?? 0) + (services['www2'] ?? 0)).toBe(4);
    // The documentation says that this is left to chance; the module takes turns.
    expect(await ranIn('misc', 4)).toEqual({ www1: 2, www2: 2 });
    const chance = groups({ misc: 'background_process_service_group_random' });
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${chance}` });
    const misc = await ranIn('misc', 4);
    expect((misc['www1'] ?? 0) + (misc['www2'] ?? 0)).toBe(4);
  });

  test('default service host: what is not defined goes to "default", to the one that was determined, to $base_url', async () => {
    const address = (host: string): string => `http://127.0.0.1:${port(host)}`;
    const [defined, determined] = [
      `$conf['background_process_service_hosts']['default'] = array('base_url' => '${address('www1')}', 'http_host' => 'site.test');`,
      `$conf['background_process_derived_default_host']['default'] = array('base_url' => '${address('www2')}', 'http_host' => 'site.test');`,
    ];
    for (const [extra, baseUrl, host] of [
      [`${serviceHosts()}\n${defined}\n${determined}`, undefined, 'www1'],
      [`${serviceHosts()}\n${determined}`, undefined, 'www2'],
      [serviceHosts(), address('ultimate_cron_poorman'), 'ultimate_cron_poorman'],
    ] as const) {
      await site.configure({ conf: {}, extra, ...(baseUrl === undefined ? {} : { baseUrl }) });
      const handle = newHandle('undefined');
      expect(await pool.start('no_such_host', mark, [handle])).toEqual([true]);
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
      expect(await pool.endedBy(handle)).toBe(host);
    }
  });

  test('background batch: what code has begun is delegated to the service host "background_batch"', async () => {
    const batchHost = `$conf['background_process_service_hosts']['background_batch'] = array('base_url' => 'http://127.0.0.1:${port('www2')}', 'http_host' => 'site.test');`;
    await site.configure({ conf: {}, extra: `${serviceHosts()}\n${groups()}\n${batchHost}` });
    const label = newHandle('example');
    const id = await site.php<number>(
      `$GLOBALS['user'] = user_load(1);
       $batch = &batch_get();
       $batch = array();
       batch_set(drupald_fixture_batch_set($args) + array('error_message' => t('Example Batch has encountered an error.')));
       background_batch_process_batch('node/1');
       $id = $batch['id'];
       $batch = array();
       $GLOBALS['user'] = drupal_anonymous_user();
       return (int) $id;`,
      set(label, 2),
    );
    expect(await pool.endedBy(`background_batch:${id}`)).toBe('www2');
    expect((await events(site, label, 'operation')).map((one) => one.detail)).toEqual(['1', '2']);
  });
});
