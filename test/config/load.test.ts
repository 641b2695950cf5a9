import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatListen, type Config } from '../../src/config/config.js';
import { loadConfig, type ConfigSources } from '../../src/config/load.js';
import { scheduleSettings } from '../../src/config/schedule-schema.js';
import { settings } from '../../src/config/schema.js';
import { environmentName, type Setting } from '../../src/config/setting.js';
import { siteSettings } from '../../src/config/site-schema.js';
import { DrupaldError } from '../../src/errors.js';

let dir = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'drupald-config-'));
  mkdirSync(join(dir, 'named'));
});

afterAll(() => {
  rmSync(dir, { recursive: true });
});

function load(sources: Partial<ConfigSources>, yaml?: string): Config {
  const file = join(dir, 'named/drupald.yml');
  if (yaml !== undefined) writeFileSync(file, yaml);
  return loadConfig({
    env: {},
    flags: {},
    needSites: false,
    cwd: dir,
    uid: 1000,
    systemFile: join(dir, 'system.yml'),
    ...(yaml === undefined ? {} : { file }),
    ...sources,
  });
}

function errorOf(task: () => unknown): DrupaldError {
  try {
    task();
  } catch (error) {
    if (error instanceof DrupaldError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('defaults', () => {
  it('are complete and sane', () => {
    const config = load({ env: { HOME: '/home/a' } });
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 8970 },
      sites: [],
      stateDir: '/home/a/.local/state/drupald/127.0.0.1-8970',
      backlog: { max: 100_000 },
      grace: 30_000,
      isolation: 'process',
      output: { max: 1_048_576 },
      trustedProxies: ['127.0.0.0/8', '::1'],
      pool: { takeOver: 5_000, shareAfter: 'off', takeOverFrom: [] },
      serverStatus: { allow: [] },
      lookupWait: 2000,
      waiters: { max: 256 },
      worker: { bootTimeout: 30_000, settleTimeout: 30_000 },
      log: { level: 'info', format: 'auto' },
    });
    expect(config.slots).toBe('auto');
    expect(config).not.toHaveProperty('user');
  });

  it('put the state where the user may write', () => {
    expect(load({ uid: 0 }).stateDir).toBe('/var/lib/drupald/127.0.0.1-8970');
    expect(load({ env: { XDG_STATE_HOME: '/xdg' }, flags: { listen: '[::1]:99' } }).stateDir).toBe(
      '/xdg/drupald/__1-99',
    );
  });

  it.each([
    ...Object.entries<Setting<unknown>>(settings),
    ...Object.entries<Setting<unknown>>(siteSettings),
    ...Object.entries<Setting<unknown>>(scheduleSettings),
  ])('of %s, and its example, pass its own check', (_key, setting) => {
    if (setting.default !== undefined) expect(setting.kind.schema.safeParse(setting.default).success).toBe(true);
    expect(setting.sentence).toMatch(/^\S.*\.$/);
    expect(setting.default !== undefined || setting.defaultText !== undefined).toBe(true);
  });
});

describe('precedence', () => {
  it('is defaults < file < environment < flags', () => {
    const yaml = 'slots: 5\ngrace: 5 s\nlog:\n  level: debug\n';
    expect(load({}, yaml)).toMatchObject({ slots: 5, grace: 5000, log: { level: 'debug' } });
    const env = { DRUPALD_SLOTS: '6', DRUPALD_GRACE: '6' };
    expect(load({ env }, yaml)).toMatchObject({ slots: 6, grace: 6000, log: { level: 'debug' } });
    expect(load({ env, flags: { slots: '7' } }, yaml)).toMatchObject({ slots: 7, grace: 6000 });
  });

  it('lets a list of sites replace a weaker one as a whole', () => {
    const yaml = 'sites:\n  - { root: a, uris: [http://a] }\n  - { root: b, uris: [http://b] }\n';
    expect(load({}, yaml).sites.map(({ uris }) => uris)).toEqual([['http://a'], ['http://b']]);
    const env = { DRUPALD_ROOT: '/c', DRUPALD_URI: 'http://c, http://d' };
    expect(load({ env }, yaml).sites).toMatchObject([{ root: '/c', uris: ['http://c', 'http://d'] }]);
    const flags = { sites: [{ root: '/e', uris: ['http://e'] }] };
    expect(load({ env, flags }, yaml).sites).toMatchObject([{ root: '/e' }]);
  });

  it('finds the file through the environment', () => {
    load({}, 'slots: 9');
    expect(load({ env: { DRUPALD_CONFIG: 'named/drupald.yml' } }).slots).toBe(9);
  });

  it('takes names with values, and yes or no, from the environment, too', () => {
    const env = { DRUPALD_CALLBACKS_TIME: '{ "feeds_*": 30 min }', DRUPALD_CRON_ISOLATE: 'true' };
    expect(load({ env })).toMatchObject({ callbacks: { time: { 'feeds_*': 1_800_000 } }, cron: { isolate: true } });
    for (const bad of ['{ "feeds_*": ', 'feeds', '[1]', '{ "feeds_*": soon }']) {
      expect(errorOf(() => load({ env: { DRUPALD_CALLBACKS_TIME: bad } })).message).toContain('callbacks.time');
    }
    expect(errorOf(() => load({ env: { DRUPALD_CRON_ISOLATE: 'yes' } })).message).toContain('true or false');
  });

  it('takes rules by service host, with numbers below zero, too', () => {
    const yaml =
      'service_hosts:\n  priority: { nightly: -5, "www*": 3 }\n  isolation: { nightly: fresh }\n  time: { nightly: 2 h }\n';
    expect(load({}, yaml).serviceHosts).toMatchObject({
      priority: { nightly: -5, 'www*': 3 },
      isolation: { nightly: 'fresh' },
      time: { nightly: 7_200_000 },
      memory: {},
    });
    expect(errorOf(() => load({}, 'service_hosts:\n  isolation: { nightly: cold }\n')).message).toContain('fresh');
  });

  it('ignores empty variables and foreign ones', () => {
    expect(load({ env: { DRUPALD_GRACE: '', DRUPALD_TEST_DRUPAL7: '/x', DRUPALD_WEATHER_STATION: '1' } }).grace).toBe(
      30_000,
    );
  });
});

describe('sites', () => {
  it('are read with everything that belongs to them', () => {
    const yaml = [
      'php: php8.1',
      'sites:',
      '  - root: web',
      '    uris: [https://example.com/, http://localhost/shop/]',
      '    ini: { memory_limit: 512M, display_errors: false, precision: 14 }',
      '    env: { APP: x }',
      '    umask: "002"',
      '    serves: [default]',
      '  - { root: /b, uris: http://b, php: php7.4 }',
    ].join('\n');
    expect(load({}, yaml).sites).toEqual([
      {
        root: join(dir, 'named/web'),
        uris: ['https://example.com', 'http://localhost/shop'],
        php: 'php8.1',
        ini: { memory_limit: '512M', display_errors: '0', precision: '14' },
        env: { APP: 'x' },
        umask: '0002',
        cron: 'auto',
        queues: 'auto',
        serves: ['default'],
      },
      { root: '/b', uris: ['http://b'], php: 'php7.4', ini: {}, env: {}, umask: '0022', cron: 'auto', queues: 'auto' },
    ]);
  });

  it('are needed to serve', () => {
    expect(errorOf(() => load({ needSites: true }))).toMatchObject({ code: 'DRUPALD_CONFIG_MISSING', exitCode: 2 });
    expect(errorOf(() => load({ flags: { sites: [{ root: '/a', uris: [] }] } })).message).toContain('/a has no URI');
  });

  it.each([
    'example.com',
    'ftp://example.com',
    'http:example.com',
    'http://',
    'http://a/?q=1',
    'http://a/#x',
    'http://u:secret@a',
  ])('refuse %s as address', (uri) => {
    const error = errorOf(() => load({ flags: { sites: [{ root: '/a', uris: [uri] }] } }));
    expect(error.code).toBe('DRUPALD_URI_INVALID');
    expect(error.message).not.toContain('secret');
  });
});

describe('the address of a Redis', () => {
  it.each(['redis:hidden@h', 'redis://user:hidden', 'redis://u:hidden@h/abc', 'hidden', 'redis://:ge%hidden@h'])(
    'is not shown where it is wrong: %s',
    (address) => {
      const error = errorOf(() => load({ env: { DRUPALD_BACKLOG_REDIS: address } }));
      expect(error.code).toBe('DRUPALD_CONFIG_WRONG_TYPE');
      expect(error.message).not.toContain('hidden');
    },
  );
});

describe('listen', () => {
  it.each([
    ['127.0.0.1:80', '127.0.0.1', 80, '127.0.0.1:80'],
    ['[::1]:8970', '::1', 8970, '[::1]:8970'],
    ['localhost:0', 'localhost', 0, 'localhost:0'],
    [':99', '127.0.0.1', 99, '127.0.0.1:99'],
    [99, '127.0.0.1', 99, '127.0.0.1:99'],
  ])('reads %j', (listen, host, port, written) => {
    const config = load({ flags: { listen } });
    expect(config.listen).toEqual({ host, port });
    expect(formatListen(config.listen)).toBe(written);
  });

  it.each(['', 'localhost', '::1:8970', '[::1]', 'a:99999', '[x]:1', 'http://a:1'])('refuses %j', (listen) => {
    expect(errorOf(() => load({ flags: { listen } })).code).toBe('DRUPALD_CONFIG_WRONG_TYPE');
  });
});

describe('messages', () => {
  it.each([
    ['lisen: 1', 'lisen', 'listen'],
    ['log: { levle: debug }', 'log.levle', 'log.level'],
    ['stateDir: /x', 'stateDir', 'state_dir'],
    ['sites: [{ root: /a, uri: [http://a] }]', 'sites[0].uri', 'uris'],
  ])('name the nearest known key for %j', (yaml, key, near) => {
    const error = errorOf(() => load({}, yaml));
    expect(error).toMatchObject({ code: 'DRUPALD_CONFIG_UNKNOWN_KEY', exitCode: 2 });
    expect(error.message).toContain(`"${key}"`);
    expect(error.message).toContain(`did you mean "${near}"?`);
    expect(error.message).toContain('drupald.yml');
  });

  it('refuse a mistyped variable', () => {
    const error = errorOf(() => load({ env: { DRUPALD_SLOT: '3' } }));
    expect(error.message).toContain('did you mean "DRUPALD_SLOTS"?');
  });

  it('refuse a key that resembles none', () => {
    expect(errorOf(() => load({}, 'weather: sun')).message).toMatch(/not known\.$/);
  });

  it.each([
    ['slots: many', 'slots', '"many"', 'a whole number'],
    ['slots: 0', 'slots', '0', 'from 1'],
    ['grace: soon', 'grace', '"soon"', 'unit'],
    ['output: { max: -1 }', 'output.max', '-1', 'size'],
    ['isolation: warm', 'isolation', '"warm"', 'process, shared, fresh, cold'],
    ['trusted_proxies: [all]', 'trusted_proxies', '["all"]', 'IP addresses'],
    ['backlog: 5', 'backlog', '5', 'group'],
    ['sites: /a', 'sites', '"/a"', 'list'],
    ['sites: [/a]', 'sites[0]', '"/a"', 'a site'],
    ['sites: [{ root: /a, uris: [http://a], umask: 0022 }]', 'sites[0].umask', '22', 'quotes'],
    ['sites: [{ uris: [http://a] }]', 'sites[0].root', 'nothing', 'path'],
    ['- a', '(whole file)', '["a"]', 'names'],
  ])('say what %j must be', (yaml, key, given, expected) => {
    const error = errorOf(() => load({}, yaml));
    expect(error).toMatchObject({ code: 'DRUPALD_CONFIG_WRONG_TYPE', exitCode: 2 });
    expect(error.message).toContain(`"${key}"`);
    expect(error.message).toContain(`given ${given},`);
    expect(error.message).toContain(expected);
    expect(error.remedy).toMatch(/for example as \S/);
  });

  it('say where a wrong value came from', () => {
    expect(errorOf(() => load({ env: { DRUPALD_SLOTS: 'x' } })).message).toContain('in the environment');
    expect(errorOf(() => load({ flags: { slots: 'x' } })).message).toContain('in the command line');
  });

  it('tell files that cannot be read', () => {
    expect(errorOf(() => load({ file: 'absent.yml' }))).toMatchObject({ code: 'DRUPALD_CONFIG_FILE_UNREADABLE' });
    expect(errorOf(() => load({ file: '.' })).message).toContain('folder');
    const error = errorOf(() => load({}, 'a: [1\nb: 2'));
    expect(error.code).toBe('DRUPALD_CONFIG_INVALID_YAML');
    expect(error.message).toMatch(/line \d/);
  });

  it('take an empty file as nothing said', () => {
    expect(load({}, '').grace).toBe(30_000);
    expect(load({}, 'log:\nslots:\n').log.level).toBe('info');
  });
});

it('variables are named after their settings', () => {
  expect(environmentName('worker.boot_timeout')).toBe('DRUPALD_WORKER_BOOT_TIMEOUT');
});

describe('the program of PHP', () => {
  const phpOf = (php: string): string | undefined =>
    load({}, `php: "7.4"\nsites: [{ root: /a, uris: [http://a], php: ${php} }]`).sites[0]?.php;

  it('is a path, a name, or a version', () => {
    expect(phpOf('/opt/php/bin/php')).toBe('/opt/php/bin/php');
    expect(phpOf('php-ours')).toBe('php-ours');
    expect(phpOf('"8.2"')).toBe('php8.2');
    expect(phpOf('null')).toBe('php7.4');
    expect(load({ flags: { php: '8.1', sites: [{ root: '/a', uris: ['http://a'] }] } }).sites[0]?.php).toBe('php8.1');
  });

  it('is refused as a number, which has lost its zero', () => {
    expect(errorOf(() => phpOf('7.0'))).toMatchObject({ code: 'DRUPALD_CONFIG_WRONG_TYPE' });
  });
});

describe('a file that nobody named', () => {
  const sites = 'sites: [{ root: /a, uris: [http://found] }]';

  function find(sources: Partial<ConfigSources>): { found: string[]; uri: string | undefined } {
    const found: string[] = [];
    const config = load({ onFound: (file) => found.push(file), ...sources });
    return { found, uri: config.sites[0]?.uris[0] };
  }

  it('is looked for here, then in the system, and only without a site', () => {
    rmSync(join(dir, 'drupald.yml'), { force: true });
    expect(find({})).toEqual({ found: [], uri: undefined });
    writeFileSync(join(dir, 'system.yml'), sites.replace('found', 'system'));
    expect(find({})).toEqual({ found: [join(dir, 'system.yml')], uri: 'http://system' });
    writeFileSync(join(dir, 'drupald.yml'), sites);
    expect(find({})).toEqual({ found: [join(dir, 'drupald.yml')], uri: 'http://found' });
    const named = { root: '/b', uris: ['http://b'] };
    expect(find({ flags: { sites: [named] } })).toEqual({ found: [], uri: 'http://b' });
    expect(find({ env: { DRUPALD_ROOT: '/c', DRUPALD_URI: 'http://c' } })).toEqual({ found: [], uri: 'http://c' });
    expect(find({ file: join(dir, 'system.yml') })).toEqual({ found: [], uri: 'http://system' });
    rmSync(join(dir, 'system.yml'));
  });

  it('is refused when others can write to it', () => {
    const file = join(dir, 'drupald.yml');
    writeFileSync(file, sites);
    chmodSync(file, 0o666);
    expect(errorOf(() => find({}))).toMatchObject({ code: 'DRUPALD_CONFIG_FILE_UNREADABLE' });
    chmodSync(file, 0o644);
    expect(find({}).found).toEqual([file]);
  });
});
