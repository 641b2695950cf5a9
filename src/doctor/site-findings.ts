import type { Config } from '../config/config.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { SiteFacts } from '../sites/description.js';
import { servedHosts } from '../sites/service-hosts.js';
import { ok, problem, warn, type Finding } from './findings.js';

/** What the facts of a booted site say. */
export function siteFindings(site: ServedSite, facts: SiteFacts): Finding[] {
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
  return [...findings, ...memoryFindings(name, facts), ...backendFindings(name, facts), ...moduleFindings(name, facts)];
}

/** Whether starts of the site find their way here, under the right address. */
export function hostFindings(site: ServedSite, facts: SiteFacts, config: Config): Finding[] {
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

/** Code that computes with the limit reads "-1" as none at all, "1G" as one megabyte (contract versions.md §13). */
function memoryFindings(name: string, facts: SiteFacts): Finding[] {
  const { memoryLimit } = facts.php;
  return /^[1-9]\d*M$/i.test(memoryLimit)
    ? []
    : [
        warn(
          `${name}: the memory limit is written as "${memoryLimit}", which Background Batch misreads`,
          'Write it in megabytes in the setting "ini" of the site, for example memory_limit: 256M.',
        ),
      ];
}

function backendFindings(name: string, facts: SiteFacts): Finding[] {
  const findings: Finding[] = [];
  if (facts.cacheBackends.length > 0) {
    findings.push(
      ok(`${name}: caches live in ${facts.cacheBackends.join(', ')}; each process opens its own connection`),
    );
  }
  if (facts.lockApi !== 'includes/lock.inc') {
    findings.push(
      warn(
        `${name}: locks are kept by ${facts.lockApi}, not in the table semaphore`,
        'The locks of a process that was killed end by their own time there; drupald removes only those in the table.',
      ),
    );
  }
  return findings;
}

function moduleFindings(name: string, facts: SiteFacts): Finding[] {
  const findings: Finding[] = [];
  const enabled = (module: string): boolean => facts.modules[module]?.enabled ?? false;
  if (enabled('background_process_ass')) {
    for (const [host, { httpHost }] of Object.entries(facts.serviceHosts)) {
      if (facts.serviceHosts[`${host}_ass`] && !/:\d+$/.test(httpHost)) {
        findings.push(
          warn(
            `${name}: the module Background Process Apache Server Status compares "${httpHost}" with "name:port" on the status page of ${host} and unlocks living processes`,
            `Write the http_host of ${host} with its port, or disable that module: drupald sees its own processes die.`,
          ),
        );
      }
    }
  }
  if (enabled('background_batch') && !facts.jsCookie) {
    findings.push(
      warn(
        `${name}: pages do not set the has_js cookie, so every visitor of a batch gets the page without JavaScript`,
        "Set $conf['set_has_js_cookie'] = TRUE in settings.php: a batch then polls instead of loading whole pages.",
      ),
    );
  }
  return findings;
}
