import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Config } from '../config/config.js';
import { DrupaldError } from '../errors.js';
import { EventBus } from '../events/bus.js';
import { openSites } from '../scheduler/open-sites.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { give, resolveAccount } from '../support/account.js';
import { makeTemporaryStateDir } from '../support/state-dir.js';
import { WorkerSocket } from '../workers/worker-socket.js';
import { databaseFindings } from './database-findings.js';
import { problem, type Finding } from './findings.js';
import { hostFindings, siteFindings } from './site-findings.js';
import { startFindings } from './start-findings.js';
import { webFindings } from './web-findings.js';

/** What to look at beside the sites themselves. */
export interface ExamineOptions {
  /** Ask through the web server, too; `to` is its address when the site's own does not lead to it. */
  readonly web?: { readonly to?: string | undefined } | undefined;
  /** Only what the web server says: a running daemon has said the rest. */
  readonly webOnly?: boolean;
}

/**
 * Examines the configured sites without a daemon: boots each once, as the user
 * that a daemon would have.
 *
 * @param shim absolute path of this package's shim
 */
export async function examineSites(
  config: Config,
  shim: string,
  options: ExamineOptions = {},
): Promise<readonly Finding[]> {
  const bus = new EventBus();
  let around: string | undefined;
  try {
    const account = await resolveAccount(config.user);
    const state = await makeTemporaryStateDir(account, shim);
    around = state.around;
    const socket = new WorkerSocket(join(state.dir, 'workers.sock'), bus);
    await socket.start();
    await give(socket.path, account);
    try {
      const open = await openSites({ config, socket, bus, shim: state.shim, logs: state.logs, account });
      try {
        const findings = options.webOnly ? [] : await examine(open.sites, config);
        for (const site of options.web ? open.sites : []) {
          findings.push(...(await webFindings(site, shim, options.web?.to)));
        }
        return findings;
      } finally {
        await Promise.all(open.sites.map((site) => site.stop()));
        await Promise.all(open.sources.map((source) => source.stop()));
      }
    } finally {
      await socket.stop();
    }
  } catch (error) {
    if (error instanceof DrupaldError) {
      return [problem(error.message, error.remedy)];
    }
    throw error;
  } finally {
    if (around !== undefined) {
      await rm(around, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Examines open sites, also those of a running daemon: boots each once more, so that what is said holds now. */
export async function examine(sites: readonly ServedSite[], config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const site of sites) {
    findings.push(...(await examineSite(site, config)));
  }
  return findings;
}

async function examineSite(site: ServedSite, config: Config): Promise<Finding[]> {
  const trouble = await site.check();
  if (trouble !== undefined || !site.facts) {
    return [
      problem(
        `${site.name} does not boot: ${trouble ?? 'unknown reason'}`,
        'Repair what the reason names; waiting processes run as soon as it boots again.',
      ),
    ];
  }
  return [
    ...siteFindings(site, site.facts),
    ...hostFindings(site, site.facts, config),
    ...(await startFindings(site, site.facts, config)),
    ...(await databaseFindings(site, config)),
  ];
}
