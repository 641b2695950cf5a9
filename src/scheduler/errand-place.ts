import type { EventBus } from '../events/bus.js';
import type { ErrandPlace } from '../workers/errand.js';
import type { ServedSite } from './served-site.js';

/**
 * Where a site does what it is asked.
 *
 * @param timeout milliseconds after which its worker is killed
 */
export function errandPlace(site: ServedSite, bus: EventBus, timeout: number): ErrandPlace {
  return { source: site.source, place: site.place, uri: site.uris[0], bus, timeout };
}
