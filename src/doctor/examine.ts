import { setTimeout as pause } from 'node:timers/promises';

import type { Config } from '../config/config.js';
import { DrupaldError, fail, isError } from '../errors.js';
import { EventBus } from '../events/bus.js';
import type { Trouble } from '../events/troubles.js';
import { withoutDaemon, type BorrowSites } from '../scheduler/borrow-sites.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { siteTrouble } from '../scheduler/site-trouble.js';
import type { SiteSettings } from '../sites/description.js';
import { servedHosts } from '../sites/service-hosts.js';
import { probeDatabase } from '../store/database.js';
import { cronFindings } from './cron-findings.js';
import { crontabFindings } from './crontab-findings.js';
import { databaseFindings } from './database-findings.js';
import { finding, type Finding } from './findings.js';
import { loadedFindings } from './loaded-findings.js';
import { hostFindings, settingFindings, type NamingSite } from './host-findings.js';
import { driverFindings, phpFindings } from './php-findings.js';
import { poolFindings } from './pool-findings.js';
import { siteFindings } from './site-findings.js';
import { coldBootFindings, startFindings } from './start-findings.js';
import { strandedFindings } from './stranded-findings.js';
import { webFindings } from './web-findings.js';

/** Milliseconds that a database gets to answer. */
const databaseTimeout = 3_000;

/** What to look at beside the sites themselves. */
export interface ExamineOptions {
  /** Ask through the web server, too; `to` is its address when the site's own does not lead to it. */
  readonly web?: { readonly to?: string | undefined } | undefined;
  /** Only what the web server says: a running daemon has said the rest. */
  readonly webOnly?: boolean;
}

/**
 * Examines the configured sites without a daemon: boots each, as the user that a
 * daemon would have. One that is refused does not hide the others.
 *
 * @param shim absolute path of this package's shim
 */
export async function examineSites(
  config: Config,
  shim: string,
  options: ExamineOptions = {},
): Promise<readonly Finding[]> {
  try {
    return await withoutDaemon(config, shim, new EventBus(), async (borrow) => {
      const findings: Finding[] = [];
      const seen: NamingSite[] = [];
      for (const site of config.sites) {
        const known = seen.length;
        findings.push(...(await examineRoot({ ...config, sites: [site] }, config, shim, options, borrow, seen)));
        // One that was refused may define anything.
        if (seen.length === known) seen.push({ facts: undefined, config: site });
      }
      return options.webOnly ? findings : [...findings, ...settingFindings(seen, config)];
    });
  } catch (error) {
    return [refusal(error)];
  }
}

/** Examines one root; where PHP cannot fork, with a PHP of its own for each look. */
async function examineRoot(
  part: Config,
  whole: Config,
  shim: string,
  options: ExamineOptions,
  borrow: BorrowSites,
  seen: NamingSite[],
): Promise<Finding[]> {
  const work = async (sites: readonly ServedSite[]): Promise<Finding[]> => {
    const findings: Finding[] = [];
    seen.push(...sites);
    if (!options.webOnly) {
      for (const site of sites) {
        // Never written by a look: a database that nobody has served stays without a mark.
        site.belonging = await site.installation.look();
      }
      findings.push(...(await examine(sites, whole, Math.max(sites.length, whole.sites.length))));
    }
    for (const site of options.web ? sites : []) {
      findings.push(...(await webFindings(site, shim, options.web?.to)));
    }
    return findings;
  };
  try {
    return await borrow(part, work);
  } catch (error) {
    const cold: Config = { ...part, isolation: 'cold' };
    const again = isError(error, 'PHP_UNUSABLE') && part.isolation !== 'cold';
    const findings = again ? await borrow(cold, work).catch(() => undefined) : undefined;
    return findings?.some(({ code }) => code === 'fork-needed') ? findings : [refusal(error), ...(findings ?? [])];
  }
}

/**
 * Examines open sites, also those of a running daemon: boots each once more, so that what is said holds now.
 *
 * @param siteCount how many sites the daemon serves
 */
export async function examine(
  sites: readonly ServedSite[],
  config: Config,
  siteCount = sites.length,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const site of sites) {
    findings.push(...(await examineSite(site, config, siteCount)));
  }
  return findings;
}

/** What a daemon knows to be wrong with itself and its machine: nothing that a look at a site shows. */
export function ownFindings(troubles: readonly Trouble[]): Finding[] {
  return troubles
    .filter(({ site }) => site === undefined)
    .map(({ code, message, remedy }) => finding('refused', { message, error: code, remedy }));
}

async function examineSite(site: ServedSite, config: Config, siteCount: number): Promise<Finding[]> {
  const away = await unreachable(site.name, site.settings);
  if (away) {
    // Every boot would only wait for it.
    return [away];
  }
  const trouble = await site.check();
  if (trouble !== undefined && site.state === 'started') {
    site.report(trouble);
  }
  const { facts, settings, name } = site;
  const driver = driverFindings(name, settings);
  if (trouble !== undefined || !facts) {
    const refused = await unreachable(name, site.seenSettings);
    if (refused) {
      return [...driver, refused];
    }
    const reason = trouble ?? 'unknown reason';
    const cause = siteTrouble(reason);
    if (cause !== 'SITE_CANNOT_BOOT') {
      // Nothing of the site itself is wrong.
      return [...driver, refusal(fail(cause, { uri: name, reason }))];
    }
    return [...driver, finding('does-not-boot', { site: name, reason }), ...(await whyNot(site, config, reason))];
  }
  return [
    ...siteFindings(site, facts),
    ...driver,
    ...phpFindings(name, settings.version, facts, config.isolation),
    ...hostFindings(site, facts, config, siteCount),
    ...(await startFindings(site, facts, config)),
    ...(await loadedFindings(site, config)),
    ...(await coldBootFindings(site, config)),
    ...(await databaseFindings(site, config)),
    ...(await cronFindings(site)),
    ...(await strandedFindings(site)),
    ...(await poolFindings(
      site,
      facts,
      config.pool.takeOver,
      servedHosts(facts.serviceHosts, config.listen, site.config.serves),
    )),
    ...(await crontabFindings(site)),
  ];
}

/** What keeps the databases of the site from being used, as far as a connection shows it. */
async function unreachable(site: string, settings: SiteSettings): Promise<Finding | undefined> {
  for (const access of Object.values(settings.databases)) {
    const problem = await Promise.race([
      probeDatabase(access, site).then(
        () => undefined,
        (error: unknown) => error,
      ),
      pause(databaseTimeout, new Error(`no answer within ${databaseTimeout / 1000} s`)),
    ]);
    if (isError(problem, 'DATABASE_UNREACHABLE') || (problem instanceof Error && !(problem instanceof DrupaldError))) {
      return finding('database-away', { site, reason: problem.message });
    }
    if (problem !== undefined) {
      return refusal(problem);
    }
  }
  return undefined;
}

/** What a boot that shows deprecations adds to the reason why a site does not boot. */
async function whyNot(site: ServedSite, config: Config, reason: string): Promise<Finding[]> {
  // Without a reason of its own it only fails once more.
  const found = await coldBootFindings(site, config).catch(() => []);
  return found.filter(({ title }) => title.includes('deprecated') || !title.includes(reason));
}

/** An error of the catalogue as a finding; everything else is a defect. */
function refusal(error: unknown): Finding {
  if (error instanceof DrupaldError) {
    return finding('refused', { message: error.message, error: error.code, remedy: error.remedy });
  }
  throw error;
}
