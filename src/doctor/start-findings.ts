import type { Config } from '../config/config.js';
import { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { Deprecations, SiteFacts } from '../sites/description.js';
import { bootReason, describeSite, type SiteAnswer } from '../workers/describe-site.js';
import type { DescribeOptions } from '../workers/jobs.js';
import type { SiteUri } from '../sites/site-uri.js';
import { finding, type Finding } from './findings.js';

/**
 * Boots the site under the path of a start, as every process does: code in hook_boot
 * or hook_init that redirects or ends such requests would end each process before
 * it began. Then once more to see what PHP calls deprecated in it.
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
  const { deprecations } = await look(site, site.uris[0], config, { deprecations: true });
  return deprecations ? [...findings, ...deprecationFindings(site.name, deprecations)] : findings;
}

function look(site: ServedSite, uri: SiteUri, config: Config, options: DescribeOptions): Promise<SiteAnswer> {
  return describeSite(site.source, site.place, uri, new EventBus(), config.worker.bootTimeout, options);
}

function deprecationFindings(site: string, { early, late }: Deprecations): Finding[] {
  const findings: Finding[] = [];
  if (early.count > 0) {
    findings.push(finding('deprecations-early', { site, count: early.count, first: early.places[0] ?? '' }));
  }
  if (late.count > 0) {
    findings.push(finding('deprecations', { site, count: late.count, first: late.places[0] ?? '' }));
  }
  return findings;
}
