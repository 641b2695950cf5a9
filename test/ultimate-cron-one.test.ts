import { readFileSync } from 'node:fs';

import { loadPHPRuntime, PHP } from '@php-wasm/universal';
import { getPHPLoaderModule } from '@php-wasm/node-7-2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serialize, unserialize } from 'php-serialize';

import { ultimateMessage } from '../src/workers/protocol.js';

const SHIM = new URL('../php-shim/src/', import.meta.url).pathname;
const parts = ['Channel', 'drupal7/Boot', 'drupal7/Errand', 'drupal7/UltimateJobs', 'drupal7/UltimateOneJobs'];

/** A site with Ultimate Cron 1.x, as far as these parts of the shim ask it. */
const SITE = `<?php
namespace Drupald\\Drupal7 {
  class Site { public static function processConnection() { return new \\FakeConnection(); } }
}
namespace {
  define('ULTIMATE_CRON_HANDLE_PREFIX', 'uc:');
  class FakeConnection {
    public function query($sql, $args) { $GLOBALS['asked'][] = $args; return $this; }
    public function fetchCol() { return $GLOBALS['site']['locks']; }
  }
  class FakeChannel extends \\Drupald\\Channel {
    public function __construct() {}
    public function send(array $message) { $GLOBALS['sent'][] = $message; }
  }
  function site($key, $default = NULL) { return isset($GLOBALS['site'][$key]) ? $GLOBALS['site'][$key] : $default; }
  function variable_get($name, $default = NULL) { $all = site('variables', array()); return isset($all[$name]) ? $all[$name] : $default; }
  function db_like($text) { return addcslashes($text, '\\\\%_'); }
  function module_implements($hook) { return site($hook, array()); }
  function ultimate_cron_get_hooks() { return site('hooks'); }
  function ultimate_cron_get_schedule($hooks) { return site('schedule'); }
  function ultimate_cron_load_hook_data(&$hook) {
    if ($hook['function'] === 'broken') { throw new \\Error('no such table'); }
    $hook['settings'] = site('settings', array()) + $hook['settings'];
    $hook['log'] = ultimate_cron_get_log($hook['function']);
  }
  function ultimate_cron_get_log($name) { $logs = site('logs', array()); return isset($logs[$name]) ? $logs[$name] : FALSE; }
  function ultimate_cron_hook_should_run($hook) {
    $GLOBALS['asked'][] = $hook;
    if (site('due') === NULL) { throw new \\TypeError('mktime'); }
    return site('due');
  }
  function background_process_get_process($handle) { return site('process', FALSE); }
  function background_process_remove_process($handle, $start) { $GLOBALS['asked'][] = array($handle, $start); return site('removable', 1); }
}`;

let php: PHP;

beforeAll(async () => {
  php = new PHP(await loadPHPRuntime(await getPHPLoaderModule(), {}));
  php.mkdir('/shim/drupal7');
  for (const name of [...parts, 'drupal7/CronGate']) {
    php.writeFile(`/shim/${name}.php`, readFileSync(`${SHIM}${name}.php`));
  }
  php.writeFile('/site.php', SITE);
});

afterAll(() => {
  php.exit();
});

/** What PHP code returns, and what it has asked the site for. */
async function inSite(site: Record<string, unknown>, code: string): Promise<{ value: unknown; asked: unknown[] }> {
  const { text } = await php.run({
    code: `<?php date_default_timezone_set('Europe/Tallinn');
      ${['Channel', 'drupal7/CronGate', ...parts.slice(1)].map((name) => `require_once '/shim/${name}.php';`).join(' ')}
      require_once '/site.php';
      $GLOBALS['site'] = unserialize(base64_decode('${Buffer.from(serialize(site)).toString('base64')}'));
      $GLOBALS['asked'] = $GLOBALS['sent'] = array();
      $value = (function () { ${code} })();
      echo json_encode(array('value' => $value, 'asked' => $GLOBALS['asked']));`,
  });
  return JSON.parse(text) as { value: unknown; asked: unknown[] };
}

const hook = (name: string, delta: number, more = {}) => ({
  function: name,
  callback: name,
  module: 'm',
  description: `Job ${name}`,
  delta,
  settings: { enabled: true, rules: ['*/10+@ * * * *'], catch_up: 300 },
  ...more,
});

/** What the errand tells of a site. */
async function jobsOf(site: Record<string, unknown>, queues: readonly string[] = []) {
  const { value } = await inSite(
    { locks: [], logs: {}, variables: { install_task: 'done' }, ...site },
    `$errand = new \\Drupald\\Drupal7\\UltimateOneJobs(array('queues' => json_decode('${JSON.stringify(queues)}')), new \\FakeChannel(), FALSE);
     $work = new \\ReflectionMethod($errand, 'work'); $work->setAccessible(TRUE); $work->invoke($errand);
     return $GLOBALS['sent'][0];`,
  );
  const message = ultimateMessage.parse(value);
  if (message.type !== 'jobs') throw new Error(message.type);
  return message;
}

describe('what is told of Ultimate Cron 1.x', () => {
  it('is each job with its settings, its last run and its lock', async () => {
    const log = { start: 1_000.5, end: 1_003, msg: 'x' };
    const told = await jobsOf({
      hooks: { a: hook('a', 3), b: hook('b', 4, { override_congestion_protection: true }) },
      logs: { a: log },
      locks: ['uc:b', 'uc:elsewhere'],
      variables: { install_task: 'done', ultimate_cron_simultaneous_connections: 7 },
    });
    expect(told).toMatchObject({
      zone: 'Europe/Tallinn',
      stopped: false,
      maintenance: false,
      installed: true,
      threads: { background_process: 7 },
      prefix: 'uc:',
    });
    expect(told.jobs).toMatchObject([
      {
        name: 'a',
        title: 'Job a',
        disabled: false,
        rules: ['*/10+@ * * * *'],
        catchUp: 300,
        due: null,
        skew: 3,
        last: 1_000.5,
        took: 2.5,
        lock: '',
        unlimited: false,
        hosts: ['default'],
      },
      { name: 'b', skew: 4, last: 0, lock: 'uc:b', unlimited: true },
    ]);
  });

  it('holds the arguments of the process as the module makes them, of which the schedule is known', async () => {
    const told = await jobsOf({ hooks: { a: hook('a', 0) }, logs: { a: { start: 5, msg: 'long' } } });
    const args = 'args' in told.jobs[0]! ? told.jobs[0].args : undefined;
    const [name, job] = unserialize(Buffer.from(args ?? '', 'base64').toString()) as [string, Record<string, unknown>];
    expect(name).toBe('a');
    expect(job).toMatchObject({ callback: 'a', skip_catch_up: true, log: { start: 5 } });
    expect(job['log']).not.toHaveProperty('msg');
    expect(job['timestamp']).toBeGreaterThan(0);
  });

  it('leaves items of a queue alone that is worked off without its job', async () => {
    const hooks = Object.fromEntries(
      ['x', 'y'].map((one) => [`ultimate_cron_queue_${one}`, hook(`ultimate_cron_queue_${one}`, 0)]),
    );
    const told = await jobsOf({ hooks }, ['x']);
    const callbacks = told.jobs.map((one) => {
      const args = Buffer.from(('args' in one ? one.args : undefined) ?? '', 'base64').toString();
      return (unserialize(args) as [string, { callback: string }])[1].callback;
    });
    expect(callbacks).toEqual(['drupald_queue_runs_elsewhere', 'ultimate_cron_queue_y']);
  });

  it('is whether jobs are due where modules of the site have a say in that, and what is broken', async () => {
    const hooks = { a: hook('a', 0), b: hook('b', 1), broken: hook('broken', 2) };
    const told = await jobsOf({ hooks, cron_schedule_alter: ['m'], schedule: { b: hooks.b } });
    expect(told.jobs).toMatchObject([
      { due: false },
      { due: true },
      { name: 'broken', problem: 'Error: no such table' },
    ]);
  });

  it('is the service hosts of the group of a job', async () => {
    const variables = {
      install_task: 'done',
      background_process_service_groups: { far: { hosts: ['web1', 'web2'] } },
      background_process_default_service_host: 'main',
    };
    const site = { hooks: { a: hook('a', 0) }, variables };
    expect((await jobsOf({ ...site, settings: { service_group: 'far' } })).jobs).toMatchObject([
      { hosts: ['web1', 'web2'] },
    ]);
    expect((await jobsOf(site)).jobs).toMatchObject([{ hosts: ['main'] }]);
  });
});

describe('the gate of Ultimate Cron 1.x', () => {
  const process = (args: readonly unknown[], callback = '_ultimate_cron_run_hook') => ({
    handle: 'uc:a',
    callback,
    args,
    start_stamp: '100.500000',
  });

  /** Whether a process may run; undefined, or why not. */
  async function refusal(site: Record<string, unknown>): Promise<{ sentence?: string; asked: unknown[] }> {
    const { process: made, ...rest } = site as { process: Record<string, unknown> };
    const { value, asked } = await inSite(
      { ...rest, made },
      `$GLOBALS['site']['process'] = (object) $GLOBALS['site']['made'];
       return \\Drupald\\Drupal7\\CronGate::refusal('uc:a');`,
    );
    if (value === null) return { asked };
    expect(value).toMatchObject({ type: 'refused', reason: 'gone' });
    return { ...(value as { sentence: string }), asked };
  }

  it('lets nobody begin cron for the pages, and removes the row under its stamp', async () => {
    const found = await refusal({ process: process([], '_ultimate_cron_poorman') });
    expect(found.sentence).toBe('A page wanted to run cron, which drupald does.');
    expect(found.asked).toEqual([['uc:a', '100.500000']]);
  });

  it('lets go what others have begun, unless the job has run since they decided', async () => {
    const stale = process(['a', { log: { start: 40 } }]);
    expect(await refusal({ process: stale, logs: { a: { start: 40 } } })).not.toHaveProperty('sentence');
    expect(await refusal({ process: process(['a', { log: false }]), logs: {} })).not.toHaveProperty('sentence');
    const logs = { a: { start: 100.2 } };
    const late = await refusal({ process: stale, logs, due: false });
    expect(late.sentence).toBe('The job has run meanwhile.');
    // Decided anew, by the log of now.
    expect(late.asked[0]).toMatchObject({ log: { start: 100.2 } });
    expect(await refusal({ process: stale, logs, due: true })).not.toHaveProperty('sentence');
    expect((await refusal({ process: stale, logs })).sentence).toBe('The job has run meanwhile.');
  });

  it('lets go what somebody wants now, whenever the job has run', async () => {
    const wanted = process(['a', { log: { start: 40 }, skip_catch_up: true }]);
    expect(await refusal({ process: wanted, logs: { a: { start: 100 } }, due: false })).not.toHaveProperty('sentence');
  });

  it('asks of what the daemon has begun whether somebody else was faster, and of a chain whether its time goes on', async () => {
    const ours = process(['a', { log: { start: 40 }, skip_catch_up: true }, { due: 60, begun: 100 }]);
    const after = (start: number, due = true) => refusal({ process: ours, logs: { a: { start } }, due });
    expect(await after(40)).not.toHaveProperty('sentence');
    // A run for an earlier time than this one's.
    expect(await after(59)).not.toHaveProperty('sentence');
    expect((await after(99)).sentence).toBe('Somebody else has run the job meanwhile.');
    expect(await after(100.4)).not.toHaveProperty('sentence');
    expect((await after(100.4, false)).sentence).toBe('The time of the job is over.');
    const asked = process(['a', { log: { start: 40 }, skip_catch_up: true }, { due: 0, begun: 100 }]);
    expect(await refusal({ process: asked, logs: { a: { start: 99 } } })).not.toHaveProperty('sentence');
  });

  it('stays away from a row that somebody else has removed or changed', async () => {
    const poorman = process([], '_ultimate_cron_poorman');
    expect(await refusal({ process: poorman, removable: 0 })).not.toHaveProperty('sentence');
  });
});
