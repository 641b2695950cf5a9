import type { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { StoreGuard } from '../store/store-guard.js';
import type { ProcessTools } from './entry-work.js';

/** What cron of the sites needs, whichever they have. */
export interface CronTools extends ProcessTools {
  readonly sites: readonly ServedSite[];
  /** Names of a site's queues that are worked off without it. */
  readonly queuesOf: (site: ServedSite) => readonly string[];
  readonly bus: EventBus;
  readonly guard: StoreGuard;
  /** Milliseconds that a helper may need. */
  readonly bootTimeout: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly killGrace: number;
}
