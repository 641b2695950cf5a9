import type { Config } from '../config/config.js';
import { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { SiteFacts } from '../sites/description.js';
import { bootReason, describeSite } from '../workers/describe-site.js';
import { ok, problem, warn, type Finding } from './findings.js';

/**
 * Boots the site under the path of a start, as every process does: code in hook_boot
 * or hook_init that redirects or ends such requests would end each process before
 * it began.
 */
export async function startFindings(site: ServedSite, facts: SiteFacts, config: Config): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const uri of site.uris) {
    const answer = await describeSite(
      site.source,
      site.place,
      uri,
      new EventBus(),
      config.worker.bootTimeout,
      'bgp-start/drupald-doctor/0',
    );
    if (answer.failure) {
      const suspects = facts.suspects.length > 0 ? ` Likely: ${facts.suspects.join(', ')}.` : '';
      findings.push(
        problem(
          `${uri.url}: a process would not begin, because ${bootReason(answer.failure)}.${suspects}`,
          'Let that code leave requests of the path bgp-start alone.',
        ),
      );
    } else {
      findings.push(ok(`${uri.url}: a process would begin`));
    }
  }
  return [...findings, ...ownerFindings(site, facts)];
}

function ownerFindings(site: ServedSite, facts: SiteFacts): Finding[] {
  const { filesOwner, php } = facts;
  if (filesOwner < 0 || php.user < 0 || filesOwner === php.user) {
    return [];
  }
  return [
    warn(
      `${site.name}: the public files belong to the user number ${filesOwner}, processes run as ${php.user}`,
      'Run drupald as the user of the web server (--user), so that both can change the same files.',
    ),
  ];
}
