import { formatListen, type Config } from '../config/config.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { SiteFacts } from '../sites/description.js';
import { leadsHere, servedHosts } from '../sites/service-hosts.js';
import { normalizeHost, type SiteUri } from '../sites/site-uri.js';
import { matches } from '../support/pattern.js';
import { finding, type Finding } from './findings.js';

/** What of a site these findings need. */
type Site = Pick<ServedSite, 'name' | 'uris' | 'settings' | 'config'>;

/**
 * Whether starts of the site find their way here, under the right address.
 *
 * @param siteCount how many sites the daemon serves
 */
export function hostFindings(
  site: Site,
  facts: SiteFacts,
  config: Pick<Config, 'listen'>,
  siteCount: number,
): Finding[] {
  const { name } = site;
  const served = servedHosts(facts.serviceHosts, config.listen, site.config.serves);
  if (served.length === 0) {
    return [
      finding('no-service-host', { site: name, listen: formatListen(config.listen) }),
      ...uriFindings(site, facts),
    ];
  }
  const findings = [finding('serves', { site: name, hosts: served.join(', ') })];
  for (const host of served) {
    const { baseUrl, httpHost: named } = facts.serviceHosts[host] ?? { baseUrl: '', httpHost: '' };
    // The daemon's own address tells as much about the site as none.
    const httpHost = leadsHere(`http://${named}`, config.listen) ? '' : named;
    const direct = leadsHere(baseUrl, config.listen);
    if (direct && /^https:/i.test(baseUrl)) {
      findings.push(finding('service-host-https', { site: name, host }));
    }
    if (httpHost !== '' && !site.uris.some((uri) => normalizeHost(uri.host) === normalizeHost(httpHost))) {
      findings.push(finding('http-host-unknown', { site: name, host, value: httpHost }));
    } else if (httpHost === '' && direct && siteCount > 1) {
      findings.push(finding('http-host-missing', { site: name, host }));
    } else if (httpHost === '' && direct && site.uris.length > 1) {
      findings.push(finding('http-host-ambiguous', { site: name, host, uri: site.uris[0].url }));
    }
  }
  return [...findings, ...uriFindings(site, facts)];
}

/** What of a site decides which names of service hosts mean something. */
export type NamingSite = Pick<ServedSite, 'facts'> & { readonly config: Pick<ServedSite['config'], 'serves'> };

/** Names and patterns of service hosts in the settings that fit none of any site; nothing while a site is not known. */
export function settingFindings(
  sites: readonly NamingSite[],
  { serviceHosts, pool }: Pick<Config, 'serviceHosts' | 'pool'>,
): Finding[] {
  if (sites.some(({ facts }) => facts === undefined)) {
    return [];
  }
  const known = sites.flatMap(({ facts, config }) => [
    ...Object.keys(facts?.serviceHosts ?? {}),
    ...(config.serves ?? []),
  ]);
  const settings: [string, readonly string[]][] = [['pool.take_over_from', pool.takeOverFrom]];
  for (const [kind, map] of Object.entries(serviceHosts) as [string, object][]) {
    settings.push([`service_hosts.${kind}`, Object.keys(map)]);
  }
  return settings.flatMap(([setting, patterns]) =>
    patterns
      .filter((pattern) => !known.some((name) => matches(pattern, name)))
      .map((host) => finding('service-host-unknown', { setting, host })),
  );
}

/** Whether the addresses that drupald was given are those that the site uses. */
function uriFindings(site: Site, facts: SiteFacts): Finding[] {
  const { name, uris, settings } = site;
  const findings: Finding[] = [];
  const schemes = new Set(uris.map(({ scheme }) => scheme));
  if (facts.mixedHttps && schemes.size === 1) {
    const known = uris[0].scheme;
    findings.push(finding('scheme-not-covered', { site: name, known, missing: known === 'http' ? 'https' : 'http' }));
  }
  const twin = uris.slice(1).find((uri) => samePlace(uri, uris[0]) && uri.scheme !== uris[0].scheme);
  if (twin) {
    findings.push(finding('several-schemes', { site: name, uri: uris[0].url }));
  }
  // Without a word of settings.php, Drupal has made it from the address that we gave.
  if (settings.baseUrl !== '' && !uris.some(({ url }) => url === settings.baseUrl.replace(/\/+$/, ''))) {
    findings.push(finding('base-url', { site: name, value: settings.baseUrl, uri: uris[0].url }));
  }
  return findings;
}

function samePlace(one: SiteUri, other: SiteUri): boolean {
  return normalizeHost(one.host) === normalizeHost(other.host) && one.basePath === other.basePath;
}
