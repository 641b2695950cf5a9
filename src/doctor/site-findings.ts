import type { ServedSite } from '../scheduler/served-site.js';
import type { SiteFacts } from '../sites/description.js';
import { clockTolerance } from './database-findings.js';
import { finding, type Finding } from './findings.js';

/** What of a site these findings need. */
type Site = Pick<ServedSite, 'name' | 'belonging'>;

/** What the facts of a booted site say about its state and its modules. */
export function siteFindings(site: Site, facts: SiteFacts): Finding[] {
  const { name } = site;
  const version = facts.modules.background_process?.version ?? '';
  const findings = [finding('boots', { site: name, php: facts.php.version, version: version || 'without a version' })];
  if (facts.maintenance) {
    findings.push(finding('maintenance', { site: name }));
  }
  if (Math.abs(facts.clockAhead) > clockTolerance) {
    findings.push(finding('php-clock', { site: name, offset: facts.clockAhead.toFixed(1) }));
  }
  if (site.belonging === 'copied') {
    findings.push(finding('database-copied', { site: name }));
  }
  if (facts.installTask !== 'done') {
    findings.push(finding('installation-unfinished', { site: name }));
  }
  return [...findings, ...backendFindings(name, facts), ...moduleFindings(name, facts), ...ownerFindings(name, facts)];
}

function backendFindings(site: string, facts: SiteFacts): Finding[] {
  const findings: Finding[] = [];
  if (facts.cacheBackends.length > 0) {
    findings.push(finding('cache-backends', { site, backends: facts.cacheBackends.join(', ') }));
  }
  if (facts.lockApi !== 'includes/lock.inc') {
    findings.push(finding('lock-api', { site, file: facts.lockApi }));
  }
  return findings;
}

function moduleFindings(site: string, facts: SiteFacts): Finding[] {
  const findings: Finding[] = [];
  const enabled = (module: string): boolean => facts.modules[module]?.enabled ?? false;
  if (enabled('background_process_ass')) {
    for (const [host, { httpHost }] of Object.entries(facts.serviceHosts)) {
      if (facts.serviceHosts[`${host}_ass`] && !/:\d+$/.test(httpHost)) {
        findings.push(finding('status-page-twin', { site, host, value: httpHost }));
      }
    }
  }
  if (enabled('background_batch') && !facts.jsCookie && !enabled('drupald')) {
    findings.push(finding('has-js', { site }));
  }
  return findings;
}

function ownerFindings(site: string, { filesOwner, php }: SiteFacts): Finding[] {
  return filesOwner < 0 || php.user < 0 || filesOwner === php.user
    ? []
    : [finding('files-owner', { site, owner: filesOwner, user: php.user })];
}
