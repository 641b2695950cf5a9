import { describe, expect, it } from 'vitest';
import { databaseFindings, type ExaminedStore } from '../../src/doctor/database-findings.js';
import { compareSurroundings } from '../../src/doctor/compare-surroundings.js';
import { hostFindings, settingFindings } from '../../src/doctor/host-findings.js';
import type { Finding } from '../../src/doctor/findings.js';
import { driverFindings, phpFindings } from '../../src/doctor/php-findings.js';
import { deprecationFindings } from '../../src/doctor/start-findings.js';
import { siteFindings } from '../../src/doctor/site-findings.js';
import type { SiteFacts } from '../../src/sites/description.js';
import { facts, surroundings, uris } from './facts.js';

const name = 'http://a.test';

/** Codes of what is not merely information. */
function bad(findings: readonly Finding[]): string[] {
  return findings.filter(({ level }) => level !== 'ok').map(({ code }) => code);
}

function codes(findings: readonly Finding[]): string[] {
  return findings.map(({ code }) => code);
}

describe('of the site', () => {
  const of = (given: SiteFacts, belonging: 'ours' | 'copied' = 'ours'): Finding[] =>
    siteFindings({ name, belonging }, given);

  it('nothing but that it boots when all is well', () => {
    expect(codes(of(facts()))).toEqual(['boots']);
  });

  it('an installation that stopped half way', () => {
    expect(bad(of(facts({ installTask: 'install_profile_modules' })))).toEqual(['installation-unfinished']);
  });

  it('a copied database and maintenance', () => {
    expect(bad(of(facts({ maintenance: true }), 'copied'))).toEqual(['maintenance', 'database-copied']);
  });

  it('a PHP whose clock is another one', () => {
    expect(bad(of(facts({ clockAhead: -3 })))).toEqual(['php-clock']);
    expect(bad(of(facts({ clockAhead: 1.9 })))).toEqual([]);
  });

  it('caches and locks that live elsewhere', () => {
    const found = of(facts({ cacheBackends: ['memcache.inc'], lockApi: 'redis.lock.inc' }));
    expect(codes(found)).toEqual(['boots', 'cache-backends', 'lock-api']);
  });

  it('a name that the status page never shows, but only with the module and its twin', () => {
    const module = { enabled: true, schema: 7000, version: '' };
    const host = (httpHost: string) => ({ baseUrl: 'http://127.0.0.1', httpHost });
    const modules = { background_process_ass: module };
    const twins = { default: host('a.test'), default_ass: host('') };
    expect(bad(of(facts({ modules, serviceHosts: twins })))).toEqual(['status-page-twin']);
    expect(bad(of(facts({ serviceHosts: twins })))).toEqual([]);
    expect(bad(of(facts({ modules, serviceHosts: { ...twins, default: host('a.test:80') } })))).toEqual([]);
  });

  it('batches without the cookie', () => {
    const modules = { background_batch: { enabled: true, schema: 0, version: '' } };
    expect(bad(of(facts({ modules, jsCookie: false })))).toEqual(['has-js']);
    const drupald = { enabled: true, schema: 0, version: '' };
    expect(bad(of(facts({ modules: { ...modules, drupald }, jsCookie: false })))).toEqual([]);
  });

  it('files of another user, and not what is unknown', () => {
    expect(bad(of(facts({ filesOwner: 0 })))).toEqual(['files-owner']);
    expect(bad(of(facts({ filesOwner: -1 })))).toEqual([]);
  });
});

describe('of PHP', () => {
  const of = (php: Partial<SiteFacts['php']>, drupal = '7.103', isolation: 'fresh' | 'cold' = 'fresh'): string[] =>
    codes(phpFindings(name, drupal, facts({ php }), isolation));

  it('nothing when all is well', () => {
    expect(of({})).toEqual([]);
  });

  it('functions that are missing, by what the isolation needs', () => {
    expect(of({ missing: ['pcntl_fork'] })).toEqual(['fork-needed']);
    expect(of({ missing: ['pcntl_fork'] }, '7.103', 'cold')).toEqual(['fork-missing']);
  });

  it('opcache, open_basedir and the memory limit', () => {
    expect(of({ opcache: false })).toEqual(['opcache-missing']);
    expect(of({ openBasedir: '/var/www' })).toEqual(['open-basedir']);
    for (const memoryLimit of ['-1', '1G', '134217728']) expect(of({ memoryLimit })).toEqual(['memory-limit']);
  });

  it('a PHP that came after the Drupal', () => {
    expect(of({ version: '8.2.1' }, '7.80')).toEqual(['php-too-new']);
    expect(of({ version: '8.5.0' })).toEqual(['php-too-new']);
    expect(of({ version: '5.6.40' }, '7.40')).toEqual([]);
    expect(of({ version: '7.4.33' }, '7.50')).toEqual([]);
    expect(of({ version: '8.2.1' }, '7.80-ours')).toEqual([]);
  });

  it('the driver of the database', () => {
    expect(codes(driverFindings(name, { pdoMysql: false }))).toEqual(['pdo-mysql-missing']);
    expect(driverFindings(name, { pdoMysql: true })).toEqual([]);
  });
});

describe('of a boot with cold caches', () => {
  const early = { count: 2, places: ['Old in a.module:3', 'Old in b.module:4'] };
  const late = { count: 1, places: ['Old in c.inc:5'] };
  const none = { count: 0, places: [] };

  it('nothing when all is well', () => {
    expect(deprecationFindings(name, { deprecations: { early: none, late: none } }, { watchers: ['x'] })).toEqual([]);
  });

  it('what is deprecated, by when and who listens', () => {
    const of = (found: { early: typeof early; late: typeof late }, watchers: string[]) =>
      deprecationFindings(name, { deprecations: found }, { watchers });
    expect(codes(of({ early, late }, ['dblog', 'syslog']))).toEqual(['deprecations']);
    expect(codes(of({ early, late }, ['dblog', 'rules']))).toEqual(['deprecations-early']);
    expect(codes(of({ early: none, late }, ['rules']))).toEqual(['deprecations']);
  });

  it('that it fails, with the first place', () => {
    const failure = { type: 'boot-failed', cause: 'fatal', message: 'no such function' } as const;
    const [found] = deprecationFindings(name, { failure, deprecations: { early, late } }, undefined);
    expect(found?.code).toBe('cold-boot-fails');
    expect(found?.title).toContain('no such function. PHP calls deprecated before that: Old in a.module:3');
  });
});

describe('of addresses', () => {
  const listen = { host: '127.0.0.1', port: 8970 };
  const here = (httpHost: string, baseUrl = 'http://127.0.0.1:8970') => ({ default: { baseUrl, httpHost } });
  const of = (
    change: Parameters<typeof facts>[0],
    options: { at?: [string, ...string[]]; count?: number; baseUrl?: string } = {},
  ): string[] => {
    const at = uris(...(options.at ?? ['http://a.test']));
    const settings = { baseUrl: options.baseUrl ?? at[0].url } as Parameters<typeof hostFindings>[0]['settings'];
    const config = {
      root: '/a',
      uris: [],
      php: 'php',
      ini: {},
      env: {},
      cron: 'auto' as const,
      queues: 'auto' as const,
      umask: '0022',
    };
    return codes(hostFindings({ name, uris: at, settings, config }, facts(change), { listen }, options.count ?? 1));
  };

  it('served when all is well', () => {
    expect(of({})).toEqual(['serves']);
    expect(of({ serviceHosts: here('A.test:80') })).toEqual(['serves']);
  });

  it('no service host', () => {
    expect(of({ serviceHosts: here('a.test', 'http://a.test') })).toEqual(['no-service-host']);
  });

  it('a service host that speaks https to us', () => {
    expect(of({ serviceHosts: here('a.test', 'https://127.0.0.1:8970') })).toEqual(['serves', 'service-host-https']);
  });

  it('an http_host that is missing or foreign', () => {
    const serviceHosts = here('');
    expect(of({ serviceHosts })).toEqual(['serves']);
    expect(of({ serviceHosts: here('localhost:8970') })).toEqual(['serves']);
    expect(of({ serviceHosts }, { count: 2 })).toEqual(['serves', 'http-host-missing']);
    expect(of({ serviceHosts }, { at: ['http://a.test', 'http://b.test'] })).toEqual(['serves', 'http-host-ambiguous']);
    expect(of({ serviceHosts: here('b.test') })).toEqual(['serves', 'http-host-unknown']);
  });

  it('http and https', () => {
    expect(of({ mixedHttps: true })).toEqual(['serves', 'scheme-not-covered']);
    expect(of({ mixedHttps: true }, { at: ['http://a.test', 'https://a.test'] })).toEqual([
      'serves',
      'several-schemes',
    ]);
    expect(of({}, { at: ['http://a.test', 'https://b.test'] })).toEqual(['serves']);
  });

  it('a $base_url that says otherwise', () => {
    expect(of({}, { baseUrl: 'https://a.test' })).toEqual(['serves', 'base-url']);
    expect(of({}, { baseUrl: 'https://a.test', at: ['http://a.test', 'https://a.test'] })).not.toContain('base-url');
  });
});

describe('of names in the settings', () => {
  const none = { slots: {}, priority: {}, isolation: {}, retry: {}, time: {}, memory: {}, output: {} };
  const pool = { takeOver: 'off', shareAfter: 'off', takeOverFrom: ['gone'] } as const;
  const config = { serviceHosts: { ...none, slots: { default: 1, typo: 2 }, time: { 'www*': 1, 'x*': 1 } }, pool };

  it('a service host that no site defines or serves', () => {
    const found = settingFindings(
      [
        { facts: facts(), config: {} },
        { facts: facts(), config: { serves: ['www1'] } },
      ],
      config,
    );
    expect(found.map(({ code, title }) => [code, title.split(',')[0]])).toEqual([
      ['service-host-unknown', 'pool.take_over_from names gone'],
      ['service-host-unknown', 'service_hosts.slots names typo'],
      ['service-host-unknown', 'service_hosts.time names x*'],
    ]);
  });

  it('says nothing while a site is not known', () => {
    expect(settingFindings([{ facts: undefined, config: {} }], config)).toEqual([]);
  });
});

describe('of the database', () => {
  const of = (
    store: Partial<ExaminedStore['store']>,
    look: () => Promise<void> = () => Promise.resolve(),
    maxCount = 1,
  ): Promise<Finding[]> =>
    databaseFindings(
      {
        name,
        store: {
          counts: () => Promise.resolve(new Map([[2, 5]])),
          tableTroubles: () => Promise.resolve([]),
          connectionRoom: () => Promise.resolve(300),
          clockOffset: () => Promise.resolve(0.4),
          ...store,
        },
        runs: { name: 'drupald_run', look },
      },
      { slots: 8, history: { maxAge: 1, maxCount } },
    );

  it('counts when all is well', async () => {
    const found = await of({});
    expect(codes(found)).toEqual(['processes']);
    expect(found[0]?.title).toContain('running 5, waiting 0');
  });

  it('a clock that goes differently', async () => {
    for (const offset of [-90, 2.5]) {
      expect(bad(await of({ clockOffset: () => Promise.resolve(offset) }))).toEqual(['clock']);
    }
  });

  it('few connections', async () => {
    expect(bad(await of({ connectionRoom: () => Promise.resolve(30) }))).toEqual(['connections']);
  });

  it('a server that is away', async () => {
    expect(bad(await of({ tableTroubles: () => Promise.reject(new Error('gone')) }))).toEqual(['database-away']);
  });

  it('a history that the database may not keep, unless none is wanted', async () => {
    const denied = Object.assign(new Error('CREATE command denied'), { code: 'ER_TABLEACCESS_DENIED_ERROR' });
    const look = (): Promise<void> => Promise.reject(denied);
    const found = await of({}, look);
    expect(bad(found)).toEqual(['history-in-memory']);
    expect(found[1]?.title).toContain('the table drupald_run (ER_TABLEACCESS_DENIED_ERROR: CREATE command denied)');
    expect(bad(await of({}, look, 0))).toEqual([]);
    expect(bad(await of({}, () => Promise.reject(new Error('gone'))))).toEqual(['database-away']);
  });

  it('each trouble with a table', async () => {
    const troubles = (['missing', 'denied', 'engine'] as const).map((trouble) => ({
      table: 't',
      trouble,
      detail: 'd',
    }));
    const found = await of({ tableTroubles: () => Promise.resolve(troubles) });
    expect(codes(found)).toEqual(['table-missing', 'rights-missing', 'table-engine']);
  });
});

describe('of the web server', () => {
  const of = (change: Parameters<typeof surroundings>[0], ours = surroundings()): Finding[] =>
    compareSurroundings(name, ours, surroundings(change));

  it('nothing when nothing differs', () => {
    expect(of({})).toEqual([]);
  });

  it('another version or user, another umask', () => {
    expect(codes(of({ version: '7.4.33' }))).toEqual(['web-version']);
    expect(of({ version: '8.2.99' })).toEqual([]);
    expect(codes(of({ umask: '0002', user: 48 }))).toEqual(['web-umask', 'web-user']);
    expect(of({ user: -1 })).toEqual([]);
  });

  it('an extension that the workers lack', () => {
    expect(codes(of({ extensions: ['pdo_mysql', 'gd'] }))).toEqual(['web-extensions']);
    expect(of({ extensions: [] })).toEqual([]);
  });

  it('settings and variables, without their values', () => {
    const found = of({ ini: { precision: '12', include_path: '/x' }, environment: { SECRET: 'digest' } });
    expect(codes(found)).toEqual(['web-ini', 'web-environment']);
    expect(JSON.stringify(found)).not.toContain('digest');
  });

  it('functions that only one of both disables, but never those that drupald needs', () => {
    const ini = (list: string) => ({ ini: { disable_functions: list } });
    expect(codes(of(ini('pcntl_fork,pcntl_exec,')))).toEqual([]);
    const stricter = of(ini('exec,pcntl_fork'));
    expect(codes(stricter)).toEqual(['web-disabled']);
    expect(stricter[0]?.title).toMatch(/: exec$/);
    expect(codes(of(ini(''), surroundings(ini('proc_open, exec'))))).toEqual(['web-functions']);
  });
});
