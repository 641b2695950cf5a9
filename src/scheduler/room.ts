import type { Scheduler } from './scheduler.js';
import type { ServedSite } from './served-site.js';

/**
 * Asks the database server of a site how many connections the site may have, and
 * limits the slots by it. While the server is away nothing runs; then it is asked
 * when the site is back.
 */
export async function limitByRoom(scheduler: Scheduler, site: ServedSite): Promise<void> {
  try {
    scheduler.limitBy(await site.store.connectionRoom());
  } catch {
    // Asked again when the site recovers.
    return;
  }
}
