import type { Config } from '../config/config.js';
import { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { Deprecated, SiteFacts } from '../sites/description.js';
import { bootReason, describeSite, type SiteAnswer } from '../workers/describe-site.js';
import type { DescribeOptions } from '../workers/jobs.js';
import type { SiteUri } from '../sites/site-uri.js';
import { finding, type Finding } from './findings.js';

/** Drupal's own, which need no other module. */
const ownWatchers = new Set(['dblog', 'syslog']);

const none: Deprecated = { count: 0, places: [] };

/**
 * Boots the site under the path of a start, as every process does: code in hook_boot
 * or hook_init that redirects or ends such requests would end each process before
 * it began.
 */
export async function startFindings(site: ServedSite, facts: SiteFacts, config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const uri of site.uris) {
    const answer = await look(site, uri, config, { path: 'bgp-start/drupald-doctor/0' });
    if (answer.failure) {
      const suspects = facts.suspects.length > 0 ? ` Likely: ${facts.suspects.join(', ')}.` : '';
      findings.push(finding('start-fails', { uri: uri.url, reason: bootReason(answer.failure), suspects }));
    } else {
      findings.push(finding('start-begins', { uri: uri.url }));
    }
  }
  return findings;
}

/** Boots the site with every file compiled anew: what PHP calls deprecated then, and whether that does harm. */
export async function coldBootFindings(site: ServedSite, config: Config): Promise<Finding[]> {
  return deprecationFindings(site.name, await look(site, site.uris[0], config, { deprecations: true }), site.facts);
}

/** What a boot with every file compiled anew has shown. */
export function deprecationFindings(
  site: string,
  { deprecations, failure }: Pick<SiteAnswer, 'deprecations' | 'failure'>,
  facts: Pick<SiteFacts, 'watchers'> | undefined,
): Finding[] {
  const { early, late } = deprecations ?? { early: none, late: none };
  const first = early.places[0] ?? late.places[0] ?? '';
  if (failure) {
    const deprecated = early.count > 0 ? ` PHP calls deprecated before that: ${first}` : '';
    return [finding('cold-boot-fails', { site, reason: bootReason(failure), deprecated })];
  }
  const watchers = (facts?.watchers ?? []).filter((module) => !ownWatchers.has(module));
  if (early.count > 0 && watchers.length > 0) {
    return [finding('deprecations-early', { site, count: early.count, watchers: watchers.join(', '), first })];
  }
  const count = early.count + late.count;
  return count > 0 ? [finding('deprecations', { site, count, first })] : [];
}

function look(site: ServedSite, uri: SiteUri, config: Config, options: DescribeOptions): Promise<SiteAnswer> {
  return describeSite(site.source, site.place, uri, new EventBus(), config.worker.bootTimeout, options);
}
