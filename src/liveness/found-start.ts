import type { AcceptedStart } from '../intake/accept-start.js';
import { noContext } from '../sites/request.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { HostMap } from '../sites/host-map.js';
import type { ProcessRow } from '../store/process-store.js';
import type { StartNotes, WaitingNote } from './start-notes.js';

/**
 * A start of which only the row is left. The request is lost: what was written down
 * stands in for it, else what the service host tells about its address.
 *
 * @param httpHost `http_host` of the row's service host; empty: it names none
 * @param kept what another daemon has written down
 */
export function asStart(
  site: ServedSite,
  row: ProcessRow,
  httpHost: string,
  hosts: HostMap<ServedSite>,
  notes: StartNotes,
  kept?: WaitingNote,
): AcceptedStart<ServedSite> {
  const note = kept ?? notes.find(row.handle, row.stamp);
  const noted = site.uris.find((uri) => uri.url === note?.uri);
  const entry = httpHost === '' ? undefined : hosts.ofHost(httpHost);
  const uri = noted ?? (entry?.target === site ? entry.uri : site.uris[0]);
  const context = note?.context ?? noContext;
  return { uri, target: site, row, context, arrivedAt: performance.now() };
}
