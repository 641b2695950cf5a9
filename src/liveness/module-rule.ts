import { rawurlencode } from '../sites/request.js';
import { pathOf, type ForeignHost, type ForeignRun, type Verdict } from './status-verdict.js';
import type { StatusPage } from './status-page.js';

/**
 * What the module's own sweep would say of a run by the same page (contract §4),
 * so that a difference can be told. It compares VHost and http_host exactly, reads
 * the first table whatever that is, and stops at any connection in state R.
 */
export function moduleVerdict(run: ForeignRun, host: ForeignHost, page: StatusPage): Verdict['verdict'] {
  const path = `${pathOf(host.baseUrl)}/bgp-start/${rawurlencode(rawurlencode(run.handle))}`;
  if (`POST ${path}`.length > 64) {
    return 'unknown';
  }
  if (!page.connectionsFirst) {
    // MPM event has a table of its processes first, in which nothing matches.
    return page.connections ? 'gone' : 'unknown';
  }
  const httpHost = host.httpHost !== '' ? host.httpHost : URL.canParse(host.baseUrl) ? new URL(host.baseUrl).host : '';
  for (const { state, vhost, request } of page.connections ?? []) {
    const carries = state !== '_' && state !== '.' && vhost === httpHost && request.startsWith(`POST ${path}`);
    if (state === 'R' || carries) {
      return 'alive';
    }
  }
  return 'gone';
}
