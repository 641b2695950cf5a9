import type { SiteFacts } from '../../src/sites/description.js';
import type { SiteUri } from '../../src/sites/site-uri.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';

/** The facts of a site with which all is well, with changes. */
export function facts(change: Partial<Omit<SiteFacts, 'php'>> & { php?: Partial<SiteFacts['php']> } = {}): SiteFacts {
  const { php, ...rest } = change;
  return {
    modules: { background_process: { enabled: true, schema: 7100, version: '7.x-1.17' } },
    serviceHosts: { default: { baseUrl: 'http://127.0.0.1:8970', httpHost: 'a.test' } },
    claims: true,
    cron: true,
    ultimateCron: 0,
    connectionTimeout: 2,
    statusMaxAge: 30,
    timeZone: 'UTC',
    clockAhead: 0,
    maintenance: false,
    installTask: 'done',
    cleanUrls: true,
    serviceGroups: {},
    lockApi: 'includes/lock.inc',
    boots: [],
    inits: [],
    listeners: [],
    queues: [],
    watchers: ['dblog'],
    cacheBackends: [],
    sessionApi: 'includes/session.inc',
    mixedHttps: false,
    jsCookie: true,
    filesOwner: 33,
    suspects: [],
    surroundings: surroundings(),
    columns: ['handle', 'exec_status'],
    ...rest,
    php: {
      version: '8.2.10',
      memoryLimit: '128M',
      disabled: '',
      openBasedir: '',
      opcache: true,
      missing: [],
      extensions: [],
      user: 33,
      ...php,
    },
  };
}

/** What a PHP has around it, with changes. */
export function surroundings(change: Partial<SiteFacts['surroundings']> = {}): SiteFacts['surroundings'] {
  return {
    version: '8.2.10',
    sapi: 'cli',
    ini: { memory_limit: '128M', disable_functions: '' },
    environment: {},
    extensions: ['pdo_mysql'],
    umask: '0022',
    user: 33,
    time: 0,
    ...change,
  };
}

/** Addresses of a site. */
export function uris(...texts: [string, ...string[]]): [SiteUri, ...SiteUri[]] {
  const [first, ...others] = texts;
  return [parseSiteUri(first), ...others.map(parseSiteUri)];
}
