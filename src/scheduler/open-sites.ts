import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

import type { Config, SiteConfig } from '../config/config.js';
import { fail, isError } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import type { SiteFacts, SiteSettings } from '../sites/description.js';
import { parseSiteUri, type SiteUri } from '../sites/site-uri.js';
import { probeDatabase } from '../store/database.js';
import { bootReason, describeSite, type SiteAnswer } from '../workers/describe-site.js';
import type { JobPlace } from '../workers/jobs.js';
import type { Account } from '../support/account.js';
import type { WorkerSource } from '../workers/worker.js';
import type { PhpOptions } from '../workers/php-command.js';
import { SharedPool } from '../workers/shared-pool.js';
import { SiteWorkers } from '../workers/site-workers.js';
import { ColdSource, RootSource } from '../workers/sources.js';
import { WarmPool } from '../workers/warm-pool.js';
import type { WorkerSocket } from '../workers/worker-socket.js';
import { isolationOf } from './process-rules.js';
import { ServedSite } from './served-site.js';

/** What opening the sites of a configuration needs. */
export interface OpenTools {
  readonly config: Config;
  readonly socket: WorkerSocket;
  readonly bus: EventBus;
  /** Absolute path of the shim's folder. */
  readonly shim: string;
  /** Folder for logs of runs. */
  readonly logs: string;
  /** User to run PHP as, when this process stays root itself. */
  readonly account?: Account | undefined;
}

/** The sites of a configuration and the PHP processes behind them. */
export interface OpenSites {
  readonly sites: readonly ServedSite[];
  readonly sources: readonly WorkerSource[];
}

/**
 * Looks at every configured address, refuses what can never work, and makes one
 * site of the addresses that share a folder below `sites/`.
 *
 * A site whose database is away or whose code is broken is opened all the same:
 * it is tried again until it boots, and its work waits.
 *
 * @throws DrupaldError for everything that only the operator can change
 */
export async function openSites(tools: OpenTools): Promise<OpenSites> {
  const sources: WorkerSource[] = [];
  const sites: ServedSite[] = [];
  try {
    for (const config of tools.config.sites) {
      await checkRoot(config, tools.config.user);
      const source = makeSource(tools, config);
      sources.push(source);
      await source.start();
      sites.push(...(await openRoot(tools, config, source)));
    }
  } catch (error) {
    await Promise.all(sites.map((site) => site.stop()));
    await Promise.all(sources.map((source) => source.stop()));
    throw error;
  }
  return { sites, sources };
}

async function checkRoot(config: SiteConfig, user: string | undefined): Promise<void> {
  const { root } = config;
  try {
    await access(root, constants.R_OK | constants.X_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw fail('ROOT_UNREADABLE', { root, reason, user: user ?? process.getuid?.() }, { cause: error });
  }
  for (const file of ['index.php', 'includes/bootstrap.inc']) {
    try {
      await access(join(root, file), constants.R_OK);
    } catch (error) {
      throw fail('ROOT_NOT_DRUPAL', { root, reason: `${file} is missing or unreadable` }, { cause: error });
    }
  }
}

function makeSource(tools: OpenTools, config: SiteConfig): WorkerSource {
  const options: PhpOptions = {
    php: config.php,
    shim: tools.shim,
    root: config.root,
    ini: config.ini,
    env: config.env,
    account: tools.account,
  };
  return tools.config.isolation === 'cold'
    ? new ColdSource(tools.socket, options)
    : new RootSource(tools.socket, options, tools.bus);
}

async function openRoot(tools: OpenTools, config: SiteConfig, source: WorkerSource): Promise<ServedSite[]> {
  const place: JobPlace = {
    root: config.root,
    env: config.env,
    umask: config.umask,
    logs: tools.logs,
    logLimit: tools.config.output.max,
  };
  const folders = new Map<string, { uris: [SiteUri, ...SiteUri[]]; answer: SiteAnswer; settings: SiteSettings }>();
  for (const uri of config.uris.map(parseSiteUri)) {
    const answer = await describeSite(source, place, uri, tools.bus, tools.config.worker.bootTimeout);
    const settings = checkSettings(config, uri, answer);
    const known = folders.get(settings.folder);
    if (known) {
      known.uris.push(uri);
      continue;
    }
    await checkDatabases(settings, uri);
    if (answer.facts) {
      checkFacts(answer.facts, uri);
    }
    folders.set(settings.folder, { uris: [uri], answer, settings });
  }
  return [...folders.values()].map(({ uris, answer, settings }) => {
    const workers = new SiteWorkers({
      source,
      isolationOf: (process) => isolationOf(tools.config, process),
      shared: () => new SharedPool(tools.config.shared, place.logs),
      warm: (uri) =>
        new WarmPool({
          source,
          socket: tools.socket,
          bus: tools.bus,
          place,
          forkerPlace: { php: config.php, folder: config.root },
          uri,
          bootTimeout: tools.config.worker.bootTimeout,
          maxAge: tools.config.zygote.maxAge,
          sparesMax: tools.config.zygote.spares,
        }),
    });
    const site = new ServedSite({
      workers,
      config,
      uris,
      settings,
      facts: answer.facts,
      place,
      source,
      bus: tools.bus,
      bootTimeout: tools.config.worker.bootTimeout,
    });
    if (!answer.facts) {
      site.trouble = answer.failure ? bootReason(answer.failure) : (answer.problem?.detail ?? 'unknown');
    }
    return site;
  });
}

/** Refuses an address that leads to no site of the root. */
function checkSettings(config: SiteConfig, uri: SiteUri, answer: SiteAnswer): SiteSettings {
  const { root } = config;
  if (answer.problem) {
    const { what, detail } = answer.problem;
    if (what === 'not-drupal') {
      throw fail('ROOT_NOT_DRUPAL', { root, reason: 'index.php or includes/bootstrap.inc is missing' });
    }
    if (what === 'drupal-version') {
      throw fail('DRUPAL_VERSION_UNSUPPORTED', { root, version: detail, supported: 'Drupal 7' });
    }
    if (what === 'no-database') {
      throw fail('URI_WITHOUT_SITE_FOLDER', { uri: uri.url, root });
    }
  }
  if (!answer.settings) {
    const reason = answer.failure
      ? bootReason(answer.failure)
      : (answer.problem?.detail ?? 'settings.php could not be read');
    throw fail('SITE_CANNOT_BOOT', { uri: uri.url, reason });
  }
  if (!answer.settings.hasSettings) {
    throw fail('URI_WITHOUT_SITE_FOLDER', { uri: uri.url, root });
  }
  return answer.settings;
}

async function checkDatabases(settings: SiteSettings, uri: SiteUri): Promise<void> {
  for (const access of Object.values(settings.databases)) {
    try {
      await probeDatabase(access, uri.url);
    } catch (error) {
      // Away or full is not wrong: it is tried again.
      if (!isError(error, 'DATABASE_UNREACHABLE') && !isError(error, 'DATABASE_CONNECTIONS')) {
        throw error;
      }
    }
  }
}

/** Refuses a site without the module, or with one that has no claim (before 7.x-1.13). */
function checkFacts(facts: SiteFacts, uri: SiteUri): void {
  for (const module of ['background_process', 'progress']) {
    if (!facts.modules[module]?.enabled) {
      throw fail('MODULE_NOT_ENABLED', { module, uri: uri.url });
    }
  }
  if (facts.columns.length === 0) {
    throw fail('TABLE_MISSING', { table: 'background_process', uri: uri.url });
  }
  const version = facts.modules.background_process?.version ?? '';
  const tooOld = /^7\.x-1\.(\d+)/.exec(version);
  if ((tooOld && Number(tooOld[1]) < 13) || !facts.claims || !facts.columns.includes('exec_status')) {
    throw fail('MODULE_VERSION_UNSUPPORTED', {
      module: 'background_process',
      version: version || 'unknown',
      uri: uri.url,
      supported: '7.x-1.13 or newer',
    });
  }
}
