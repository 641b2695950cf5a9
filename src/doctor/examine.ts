import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Config } from '../config/config.js';
import { DrupaldError } from '../errors.js';
import { EventBus } from '../events/bus.js';
import { openSites } from '../scheduler/open-sites.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { execStatus } from '../process/states.js';
import type { SiteFacts } from '../sites/description.js';
import { servedHosts } from '../sites/service-hosts.js';
import { become, resolveAccount } from '../support/account.js';
import { openStateDir } from '../support/state-dir.js';
import { WorkerSocket } from '../workers/worker-socket.js';
import { ok, problem, warn, type Finding } from './findings.js';

/** Largest difference of clocks that disturbs nothing, in seconds. */
const clockTolerance = 2;

/**
 * Examines the configured sites without a daemon: boots each once.
 *
 * @param shim absolute path of this package's shim
 */
export async function examineSites(config: Config, shim: string): Promise<readonly Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), 'drupald-doctor-'));
  const bus = new EventBus();
  try {
    const account = await resolveAccount(config.user);
    const state = await openStateDir(join(folder, 'state'), account, shim);
    if (account) {
      // The folder above was made by root for itself.
      const { chmod } = await import('node:fs/promises');
      await chmod(folder, 0o711);
      become(account);
    }
    const socket = new WorkerSocket(join(state.dir, 'workers.sock'), bus);
    await socket.start();
    const open = await openSites({ config, socket, bus, shim: state.shim, logs: state.logs });
    try {
      return await examine(open.sites, config);
    } finally {
      await Promise.all(open.sites.map((site) => site.stop()));
      await Promise.all(open.sources.map((source) => source.stop()));
      await socket.stop();
    }
  } catch (error) {
    if (error instanceof DrupaldError) {
      return [problem(error.message, error.remedy)];
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Examines open sites, also those of a running daemon. */
export async function examine(sites: readonly ServedSite[], config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const site of sites) {
    findings.push(...(await examineSite(site, config)));
  }
  return findings;
}

async function examineSite(site: ServedSite, config: Config): Promise<Finding[]> {
  const { name } = site;
  if (site.trouble !== undefined || !site.facts) {
    return [
      problem(
        `${name} does not boot: ${site.trouble ?? 'it was not tried yet'}`,
        'Repair what the reason names; waiting processes run as soon as it boots again.',
      ),
    ];
  }
  return [
    ...siteFindings(site, site.facts),
    ...hostFindings(site, site.facts, config),
    ...(await databaseFindings(site)),
  ];
}

function siteFindings(site: ServedSite, facts: SiteFacts): Finding[] {
  const { name } = site;
  const module = facts.modules.background_process;
  const { php } = facts;
  const findings = [
    ok(`${name} boots under PHP ${php.version}, module background_process ${module?.version ?? ''}`.trimEnd()),
  ];
  if (!php.fork) {
    findings.push(
      warn(
        `${name}: PHP cannot fork (pcntl or posix is missing or disabled)`,
        'Install or enable both for the command line; until then only the slow isolation "cold" works.',
      ),
    );
  }
  if (!php.opcache) {
    findings.push(
      warn(
        `${name}: PHP has no opcache on the command line`,
        'Install the opcache extension: runs start several times faster with it.',
      ),
    );
  }
  if (php.openBasedir !== '') {
    findings.push(
      warn(
        `${name}: open_basedir is set for the command line (${php.openBasedir})`,
        'Allow the state directory of drupald in it.',
      ),
    );
  }
  if (facts.maintenance) {
    findings.push(
      warn(
        `${name} is in maintenance mode`,
        'Processes whose owner may not use it then wait; switch it off to let them run.',
      ),
    );
  }
  if (site.belonging === 'copied') {
    findings.push(
      warn(
        `${name}: its database is a copy of one that was served elsewhere`,
        'What already waited in it is left alone; run "drupald adopt" to let it run here.',
      ),
    );
  }
  if (facts.installTask !== 'done') {
    findings.push(problem(`${name}: its installation is not finished`, 'Finish it with install.php.'));
  }
  return findings;
}

function hostFindings(site: ServedSite, facts: SiteFacts, config: Config): Finding[] {
  const served = servedHosts(facts.serviceHosts, config.listen, site.config.serves);
  if (served.length === 0) {
    return [
      warn(
        `${site.name}: no service host of the site leads to ${config.listen.host}:${config.listen.port}`,
        'Point one to it in settings.php ($conf[\'background_process_service_hosts\']), or let the web server pass /bgp-start/ on and name the service hosts in "serves".',
      ),
    ];
  }
  const findings = [ok(`${site.name}: serves ${served.join(', ')}`)];
  for (const name of served) {
    const host = facts.serviceHosts[name];
    if (host?.httpHost === '' && site.uris.length > 1) {
      findings.push(
        problem(
          `${site.name}: the service host ${name} names no http_host, and the daemon serves several addresses`,
          'Add http_host with the address of the site to that service host.',
        ),
      );
    }
  }
  return findings;
}

async function databaseFindings(site: ServedSite): Promise<Finding[]> {
  try {
    const offset = await site.store.clockOffset();
    const counts = await site.store.counts();
    const findings = [
      ok(
        `${site.name}: ${counts.get(execStatus.running) ?? 0} processes run, ${counts.get(execStatus.queued) ?? 0} wait, ${counts.get(execStatus.locked) ?? 0} are locked`,
      ),
    ];
    if (Math.abs(offset) > clockTolerance) {
      findings.push(
        warn(
          `${site.name}: the clock of the database server differs by ${offset.toFixed(1)} s`,
          'Let both machines take their time from one server; limits by age are wrong by that much.',
        ),
      );
    }
    return findings;
  } catch (error) {
    return [
      problem(
        `${site.name}: the database does not answer (${error instanceof Error ? error.message : String(error)})`,
        'Check that the database server runs.',
      ),
    ];
  }
}
