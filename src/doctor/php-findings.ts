import type { Isolation } from '../config/config.js';
import type { SiteFacts, SiteSettings } from '../sites/description.js';
import { finding, type Finding } from './findings.js';

/**
 * The first Drupal 7 that was made for a branch of PHP, newest first. Newer branches than the
 * first line came after the last Drupal 7.
 */
const madeFor: readonly (readonly [php: string, drupal: string])[] = [
  ['8.4', '7.103'],
  ['8.3', '7.99'],
  ['8.2', '7.95'],
  ['8.1', '7.87'],
  ['8.0', '7.79'],
  ['7.0', '7.50'],
];

/** What the PHP of a site's workers lacks or has set. */
export function phpFindings(site: string, drupal: string, facts: SiteFacts, isolation: Isolation): Finding[] {
  const { php } = facts;
  const findings: Finding[] = [];
  if (php.missing.length > 0) {
    const code = isolation === 'cold' ? 'fork-missing' : 'fork-needed';
    findings.push(finding(code, { site, functions: php.missing.join(', ') }));
  }
  if (!php.opcache) {
    findings.push(finding('opcache-missing', { site }));
  }
  if (php.openBasedir !== '') {
    findings.push(finding('open-basedir', { site, value: php.openBasedir }));
  }
  // Code that computes with the limit reads "-1" as none at all, "1G" as one megabyte (contract versions.md §13).
  if (!/^[1-9]\d*M$/i.test(php.memoryLimit)) {
    findings.push(finding('memory-limit', { site, value: php.memoryLimit }));
  }
  return [...findings, ...ageFindings(site, drupal, php.version)];
}

/** Known before the site boots, and often why it does not. */
export function driverFindings(site: string, settings: Pick<SiteSettings, 'pdoMysql'>): Finding[] {
  return settings.pdoMysql ? [] : [finding('pdo-mysql-missing', { site })];
}

function ageFindings(site: string, drupal: string, php: string): Finding[] {
  const newest = madeFor[0];
  const line = madeFor.find(([branch]) => compare(php, branch) >= 0);
  // A version that is not one of Drupal's own tells nothing about its age.
  if (!newest || !line || !/^7\.\d+(-dev)?$/.test(drupal)) {
    return [];
  }
  const beyond = compare(branchOf(php), newest[0]) > 0;
  if (!beyond && compare(drupal, line[1]) >= 0) {
    return [];
  }
  const wanted = beyond ? 'its last version, which was not made for this PHP either' : `${line[1]} or newer`;
  return [finding('php-too-new', { site, php, drupal, wanted })];
}

function branchOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Compares versions by their numbers; what is no number counts as 0. */
function compare(one: string, other: string): number {
  const [left = [], right = []] = [one, other].map((text) => text.split('.').map((part) => Number.parseInt(part) || 0));
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}
