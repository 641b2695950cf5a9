import type { Config } from '../config/config.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { finding, type Finding } from './findings.js';

/** Whether each address of the site can be kept loaded for new processes. */
export async function loadedFindings(site: ServedSite, config: Pick<Config, 'isolation'>): Promise<Finding[]> {
  // Where PHP cannot fork another finding says so.
  const able = site.facts?.php.missing.length === 0;
  if (!able || (config.isolation !== 'process' && config.isolation !== 'shared')) {
    return [];
  }
  const findings: Finding[] = [];
  for (const uri of site.uris) {
    const { unfit, reads } = await site.workers.probe(uri);
    if (unfit !== undefined) {
      findings.push(finding('not-kept-loaded', { uri: uri.url, reason: unfit }));
    } else if (reads.length > 0) {
      const what = reads.includes('*') ? 'what exactly cannot be told' : reads.join(', ');
      findings.push(finding('request-in-settings', { uri: uri.url, what }));
    } else {
      findings.push(finding('kept-loaded', { uri: uri.url }));
    }
  }
  return findings;
}
