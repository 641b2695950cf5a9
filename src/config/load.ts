import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '../errors.js';
import type { Config, SiteConfig } from './config.js';
import type { ListenAddress } from './kinds.js';
import { readSchedule } from './schedule.js';
import { settings, type SettingKey, type SettingValues } from './schema.js';
import type { Setting } from './setting.js';
import { siteSettings, type SiteSettingValues } from './site-schema.js';
import {
  environmentLayer,
  fileLayer,
  findConfig,
  flagLayer,
  wrongType,
  type ConfigFlags,
  type Layer,
} from './sources.js';

/** Where a configuration comes from. */
export interface ConfigSources {
  /** Configuration file; without it `DRUPALD_CONFIG` names one, or one is looked for (see `findConfig`). */
  readonly file?: string;
  /** Told the file that was found without being named. */
  readonly onFound?: (file: string) => void;
  /** Environment variables. */
  readonly env: NodeJS.ProcessEnv;
  /** Values of flags by key path. */
  readonly flags: ConfigFlags;
  /** Whether a configuration without a site is an error; default true. */
  readonly needSites?: boolean;
  /** Folder that relative paths of flags and variables start from; default the current one. */
  readonly cwd?: string;
  /** User id that chooses the default of state_dir; default the one of this process. */
  readonly uid?: number;
  /** Configuration file of the machine; default /etc/drupald/drupald.yml. */
  readonly systemFile?: string;
}

/**
 * Puts the configuration together: defaults < file < environment < flags. A list of sites replaces the
 * list of a weaker source as a whole.
 *
 * @throws DrupaldError CONFIG_* or URI_INVALID, all with exit code 2
 */
export function loadConfig(sources: ConfigSources): Config {
  const cwd = sources.cwd ?? process.cwd();
  const file = (sources.file ?? sources.env.DRUPALD_CONFIG) || foundFile(sources, cwd);
  const layers: Layer[] = [];
  if (file) layers.push(fileLayer(resolve(cwd, file)));
  layers.push(environmentLayer(sources.env, cwd), flagLayer(sources.flags, cwd));

  const values = settingValues(layers);
  const sites = layers.findLast((layer) => layer.sites !== undefined);
  const siteList = sites?.sites?.map((raw, index) => siteConfig(raw, index, sites, values.php)) ?? [];
  const config: Config = {
    listen: values.listen,
    sites: siteList,
    schedule: readSchedule(layers, sites?.schedule === undefined ? [] : siteList, check),
    ...(values.user === undefined ? {} : { user: values.user }),
    stateDir: values.state_dir ?? defaultStateDir(values.listen, sources),
    slots: values.slots,
    serviceHosts: {
      slots: values['service_hosts.slots'],
      priority: values['service_hosts.priority'],
      isolation: values['service_hosts.isolation'],
      retry: values['service_hosts.retry'],
      time: values['service_hosts.time'],
      memory: values['service_hosts.memory'],
      output: values['service_hosts.output'],
    },
    callbacks: {
      slots: values['callbacks.slots'],
      poolSlots: values['callbacks.pool_slots'],
      rate: values['callbacks.rate'],
      priority: values['callbacks.priority'],
      isolation: values['callbacks.isolation'],
      retry: values['callbacks.retry'],
      time: values['callbacks.time'],
      memory: values['callbacks.memory'],
      output: values['callbacks.output'],
    },
    cron: { isolate: values['cron.isolate'] },
    queues: {
      slots: values['queues.slots'],
      attempts: values['queues.attempts'],
      pause: values['queues.pause'],
      lease: values['queues.lease'],
    },
    batch: {
      save: values['batch.save'],
      onFailure: values['batch.on_failure'],
      retries: values['batch.retries'],
      finishAfter: values['batch.finish_after'],
      adoptAfter: values['batch.adopt_core'] ? values['batch.adopt_after'] : undefined,
    },
    setAside: { after: values['set_aside.after'], within: values['set_aside.within'] },
    kill: { grace: values['kill.grace'], onUnlock: values['kill.on_unlock'] },
    backlog: {
      max: values['backlog.max'],
      ...(values['backlog.redis'] === undefined ? {} : { redis: values['backlog.redis'] }),
    },
    grace: values.grace,
    isolation: values.isolation,
    zygote: { maxAge: values['zygote.max_age'], spares: values['zygote.spares'] },
    shared: {
      maxRuns: values['shared.max_runs'],
      maxAge: values['shared.max_age'],
      maxMemory: values['shared.max_memory'],
      idle: values['shared.idle'],
    },
    output: { max: values['output.max'], keep: values['output.keep'] },
    history: { maxAge: values['history.max_age'], maxCount: values['history.max_count'] },
    trustedProxies: values.trusted_proxies,
    pool: {
      takeOver: values['pool.take_over'],
      shareAfter: values['pool.share_after'],
      takeOverFrom: values['pool.take_over_from'],
    },
    requests: {
      max: values['requests.max'],
      perHost: values['requests.per_host'],
      bodyMax: values['requests.body_max'],
    },
    serverStatus: { allow: values['server_status.allow'] },
    lookupWait: values.lookup_wait,
    waiters: { max: values['waiters.max'] },
    worker: { bootTimeout: values['worker.boot_timeout'], settleTimeout: values['worker.settle_timeout'] },
    modStatus: { mode: values['mod_status.mode'], interval: values['mod_status.interval'] },
    log: { level: values['log.level'], format: values['log.format'] },
  };
  if (sources.needSites !== false && config.sites.length === 0) {
    throw fail('CONFIG_MISSING', {
      detail: file
        ? `the file ${file} has no "sites"`
        : 'there is neither --root nor --config, nor a drupald.yml here or in /etc/drupald',
    });
  }
  return config;
}

/** The file that counts when no site and no file is named. Throws CONFIG_FILE_UNREADABLE. */
function foundFile(sources: ConfigSources, cwd: string): string | undefined {
  if ((sources.flags.sites?.length ?? 0) > 0 || sources.env.DRUPALD_ROOT) return undefined;
  const file = findConfig([join(cwd, 'drupald.yml'), sources.systemFile ?? '/etc/drupald/drupald.yml']);
  if (file !== undefined) sources.onFound?.(file);
  return file;
}

/**
 * Default folder for the state of the daemon that listens on an address: below /var/lib as root, else below
 * $XDG_STATE_HOME or ~/.local/state.
 */
export function defaultStateDir(listen: ListenAddress, sources: Pick<ConfigSources, 'env' | 'uid'>): string {
  const name = `${listen.host.replaceAll(/[^\w.-]/g, '_')}-${String(listen.port)}`;
  if ((sources.uid ?? process.getuid?.()) === 0) return join('/var/lib/drupald', name);
  const home = sources.env.HOME ?? homedir();
  return join(sources.env.XDG_STATE_HOME || join(home, '.local', 'state'), 'drupald', name);
}

function settingValues(layers: readonly Layer[]): SettingValues {
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of Object.keys(settings) as SettingKey[]) {
    const setting: Setting<unknown> = settings[key];
    const layer = layers.findLast(({ values: given }) => given.has(key));
    const raw = layer === undefined ? setting.default : layer.values.get(key);
    if (raw === undefined) continue;
    const value = check(key, setting, raw, layer?.source ?? 'the defaults');
    values[key] = key === 'state_dir' && layer !== undefined ? resolve(layer.baseDir, String(value)) : value;
  }
  // Each key was read by the schema of the same key, which the compiler cannot follow through a loop.
  return values as SettingValues;
}

function siteConfig(raw: Readonly<Record<string, unknown>>, index: number, layer: Layer, php: string): SiteConfig {
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries<Setting<unknown>>(siteSettings)) {
    const value = raw[key] ?? setting.default;
    if (value === undefined && key !== 'root' && key !== 'uris') continue;
    values[key] = check(`sites[${String(index)}].${key}`, setting, value, layer.source);
  }
  const site = values as SiteSettingValues;
  const root = resolve(layer.baseDir, site.root);
  if (site.uris.length === 0) throw fail('CONFIG_MISSING', { detail: `the root ${root} has no URI` });
  return {
    root,
    uris: site.uris.map(checkUri),
    php: site.php ?? php,
    ini: site.ini,
    env: site.env,
    umask: site.umask,
    cron: site.cron,
    queues: site.queues,
    ...(site.serves === undefined ? {} : { serves: site.serves }),
  };
}

function check(key: string, setting: Setting<unknown>, raw: unknown, source: string): unknown {
  const result = setting.kind.schema.safeParse(raw);
  if (result.success) return result.data;
  throw wrongType(key, source, raw, setting.kind.expected, setting.example);
}

/** Checks the address of a site and takes slashes off its end. */
function checkUri(uri: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  const reason =
    url === null || !/^https?:$/.test(url.protocol) || !/^https?:\/\//i.test(uri)
      ? 'it must begin with http:// or https://'
      : url.search !== '' || url.hash !== '' || /[?#]/.test(uri)
        ? 'it must end with the path of the site'
        : url.username !== '' || url.password !== ''
          ? 'it must not hold a user name or password'
          : null;
  if (reason !== null) throw fail('URI_INVALID', { uri: uri.replace(/\/\/[^/]*@/, '//***@'), reason });
  return `${url?.origin ?? ''}${url?.pathname ?? ''}`.replace(/\/+$/, '');
}
