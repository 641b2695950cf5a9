import type { Dispatch } from '../../src/scheduler/dispatch.js';
import type { ServedSite } from '../../src/scheduler/served-site.js';
import { parseSiteUri } from '../../src/sites/site-uri.js';

/** A site of which only what is given exists. */
export function fakeSite(name: string, parts: object = {}): ServedSite {
  return { name, ...parts } as unknown as ServedSite;
}

let order = 0;

/** A start of a site that waits to be run; later ones were accepted later. */
export function fakeDispatch(site: ServedSite, handle: string, changes: Partial<Dispatch> = {}): Dispatch {
  order += 1;
  return {
    id: `id-${handle}`,
    site,
    uri: parseSiteUri('http://a.example'),
    handle,
    token: 'token',
    stamp: '1700000000.000001',
    callback: 'my_callback',
    uid: 0,
    serviceHost: 'default',
    context: { remote: '127.0.0.1', remotePort: 0, headers: {}, prefix: '' },
    asked: undefined,
    acceptedAt: 1_000,
    arrivedAt: 0,
    order,
    attempts: 0,
    hindered: 0,
    doubt: undefined,
    tries: 0,
    ...changes,
  };
}
