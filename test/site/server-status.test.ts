import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { Daemon } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { freePort } from '../harness/mariadb.js';
import { enableModules } from '../harness/real-site.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

/** A worker as the module reads it from the page. */
interface Connection {
  readonly M: string;
  readonly VHost: string;
  readonly Request: string;
}

describeSites('server status', ['real'], (kind) => {
  const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 6 } });
  let second: Daemon | undefined;

  const page = async (path: string): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${bench.daemon.port}${path}`)).text();

  beforeAll(async () => {
    await enableModules(bench.site, ['background_process_ass']);
    const other = await freePort();
    const hosts = (name: string, port: number): object => ({
      [name]: { base_url: `http://127.0.0.1:${port}`, http_host: 'site.test' },
      [`${name}_ass`]: { base_url: `http://127.0.0.1:${port}/server-status`, http_host: 'site.test' },
    });
    await bench.site.configure({
      conf: {
        file_temporary_path: '/tmp',
        clean_url: 1,
        background_process_ass_max_age: -5,
        background_process_service_hosts: { ...hosts('default', bench.daemon.port), ...hosts('www2', other) },
      },
    });
    await bench.restart();
    const { site, suite } = bench;
    const sites = [{ root: site.root, uris: site.uris }];
    second = await Daemon.start({ sites, folder: suite.folder, port: other, slots: 6 });
  }, 120_000);

  afterAll(async () => {
    await second?.stop();
    await second?.forget();
  });

  /** The module's own sweep, when a page of now is younger than each of these. */
  const sweep = async (handles: readonly string[]): Promise<void> => {
    const rows = await Promise.all(handles.map((handle) => readRow(bench.site, handle)));
    const begun = Math.max(...rows.map((row) => Number(row?.start_stamp)));
    await waitFor(() => Date.now() / 1000 > begun + 1, { what: 'a second after the last claim' });
    await bench.site.php("drupal_static_reset('background_process_ass_server_status'); background_process_ass_cron();");
  };

  test('the module’s sweep finds our processes alive, and unlocks a row that nobody runs', async () => {
    const caller = await bench.site.caller();
    const gate = newHandle('gate');
    const auto = await caller.start('drupald_fixture_gate', [gate]);
    const odd = [newHandle('é x/y'), newHandle('a:b&"<')];
    for (const handle of odd) {
      await caller.startLocked(handle, 'drupald_fixture_gate', [gate]);
    }
    // By a language of its own, which the sweep does not use.
    const danish = newHandle('da');
    const token = await insertRow(bench.site, { handle: danish, callback: 'drupald_fixture_gate', args: [gate] });
    await post(bench.daemon.port, `/da${startPath(danish, token)}`);
    const dead = newHandle('dead');
    await insertRow(bench.site, { handle: dead, status: 2, ageSeconds: 100 });
    const alive = [String(auto), ...odd, danish];
    await Promise.all(alive.map((handle) => event(bench.site, handle, 'gate')));
    const rows = await Promise.all(alive.map((handle) => readRow(bench.site, handle)));
    await sweep(alive);
    expect(await readRow(bench.site, dead)).toBeUndefined();
    for (const handle of alive) {
      expect(await readRow(bench.site, handle), handle).toMatchObject({ exec_status: 2 });
    }
    const seen = await bench.site.php<{ connections: Connection[]; status: Record<string, string> }>(
      "return background_process_ass_get_server_status('default_ass', FALSE, TRUE);",
    );
    expect(seen.connections.every(({ M, VHost }) => M === 'W' && VHost === 'site.test')).toBe(true);
    expect(seen.connections.map(({ Request }) => Request)).toContain(`POST /bgp-start/${String(auto)}/ HTTP/1.0`);
    expect(seen.status['Restart Time']).toMatch(/^[A-Z][a-z]+day, \d\d-[A-Z][a-z]{2}-\d{4} /);
    const text = await page('/server-status');
    for (const row of rows) {
      expect(row?.token).toMatch(/^[0-9a-f]{32}$/);
      expect(text).not.toContain(row?.token);
    }
    await openGate(bench.site, gate);
    for (const handle of alive) {
      expect(await shutdowns(bench.site, handle)).toMatchObject([{ message: null }]);
      await finished(bench, handle);
    }
    expect(await events(bench.site, dead, 'shutdown')).toHaveLength(1);
  });

  test('without clean URLs, and by the notes of an earlier daemon, they are found as well', async () => {
    const settings = {
      file_temporary_path: '/tmp',
      clean_url: 0,
      background_process_ass_max_age: -5,
      background_process_service_hosts: {
        default: { base_url: `http://127.0.0.1:${bench.daemon.port}`, http_host: 'site.test' },
        default_ass: { base_url: `http://127.0.0.1:${bench.daemon.port}/server-status`, http_host: 'site.test' },
      },
    };
    await bench.site.configure({ conf: settings });
    await bench.restart({ graceSeconds: 0 });
    const caller = await bench.site.caller();
    const gate = newHandle('unclean');
    const handle = String(await caller.start('drupald_fixture_gate', [gate]));
    await event(bench.site, handle, 'gate');
    await sweep([handle]);
    expect(await page('/?q=server-status')).toContain(`POST /?q=bgp-start/${handle}/ HTTP/1.0`);
    expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
    await bench.restart({ graceSeconds: 0 });
    await waitFor(async () => (await page('/server-status')).includes(`POST /?q=bgp-start/${handle}/ HTTP/1.0`), {
      what: 'the process of the daemon before',
    });
    await sweep([handle]);
    expect(await readRow(bench.site, handle)).toMatchObject({ exec_status: 2 });
    await openGate(bench.site, gate);
    expect(await shutdowns(bench.site, handle)).toMatchObject([{ message: null }]);
  });

  test('the balancer of the module sends the next starts to the daemon with more idle workers', async () => {
    const port = bench.daemon.port;
    const other = second?.port ?? 0;
    const host = (at: number): object => ({ base_url: `http://127.0.0.1:${at}`, http_host: 'site.test' });
    const status = (at: number): object => ({
      base_url: `http://127.0.0.1:${at}/server-status`,
      http_host: 'site.test',
    });
    await bench.site.configure({
      conf: {
        file_temporary_path: '/tmp',
        clean_url: 1,
        background_process_service_hosts: {
          default: host(port),
          default_ass: status(port),
          www2: host(other),
          www2_ass: status(other),
        },
      },
    });
    const caller = await bench.site.caller();
    const gate = newHandle('busy');
    const handles = await caller.startMany(
      ['1', '2', '3', '4'].map(() => ({ callback: 'drupald_fixture_gate', args: [gate] })),
    );
    await Promise.all(handles.map((handle) => event(bench.site, String(handle), 'gate')));
    const idle = await bench.site.php<string[]>(
      `return array(background_process_ass_get_server_status('default_ass', TRUE), background_process_ass_get_server_status('www2_ass', TRUE));`,
    );
    expect(idle).toEqual(['2', '6']);
    const picks = await bench.site.php<string[]>(
      `$picks = array();
       for ($n = 0; $n < 4; $n++) {
         $picks[] = background_process_ass_service_group_idle(array('hosts' => array('default', 'www2')));
       }
       return $picks;`,
    );
    expect(picks).toEqual(['www2', 'www2', 'www2', 'www2']);
    await openGate(bench.site, gate);
    for (const handle of handles) await shutdowns(bench.site, String(handle));
  });

  test('the settings page of the module works, and nothing of all this was a PHP error', async () => {
    const form = await bench.site.php<string>(
      `module_load_include('inc', 'background_process_ass', 'background_process_ass.admin');
       $form = drupal_get_form('background_process_ass_settings_form');
       return drupal_render($form);`,
    );
    expect(form).toContain('background_process_ass_max_age');
    const errors = await bench.site.sql<{ variables: Buffer }>("SELECT variables FROM {watchdog} WHERE type = 'php'");
    const ofModule = errors.map(({ variables }) => variables.toString()).filter((text) => text.includes('_ass'));
    expect(ofModule).toEqual([]);
  });

  test('the page answers while the database is away', async () => {
    await bench.site.server.stop();
    expect(await page('/server-status?auto')).toMatch(/^IdleWorkers: \d+$/m);
    expect(await page('/server-status/')).toContain('GET /server-status/ HTTP/1.1');
  });
});
