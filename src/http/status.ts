import type { SharedStatus } from '../backlog/shared-backlog.js';
import type { Config } from '../config/config.js';
import { formatListen } from '../config/config.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { Trouble } from '../events/troubles.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { DaemonStatus } from './control-client.js';

/** Waiting starts that one answer shows at most. */
const shown = 200;

/** What a daemon tells about itself. */
export function daemonStatus(
  daemon: { version: string; startedAt: string; state: string },
  config: Config,
  sites: readonly ServedSite[],
  scheduler: Scheduler,
  troubles: readonly Trouble[],
  shared?: SharedStatus,
): DaemonStatus {
  const running = scheduler.running;
  const now = performance.now();
  const waitingOf = ({ handle, callback, site, arrivedAt }: Dispatch): DaemonStatus['runs'][number] => ({
    handle,
    callback,
    site: site.name,
    state: 'waiting',
    pid: null,
    waitedMs: now - arrivedAt,
    ranMs: null,
  });
  return {
    daemon: { pid: process.pid, listen: formatListen(config.listen), slots: scheduler.slots, ...daemon },
    troubles: troubles.map((trouble) => ({ ...trouble })),
    sites: sites.map((site) => ({
      name: site.name,
      root: site.config.root,
      uris: site.uris.map((uri) => uri.url),
      state: stateOf(site),
      reason: site.trouble ?? null,
      slots: scheduler.slots,
      running: running.filter((record) => record.dispatch.site === site).length,
      waiting: scheduler.waitingOf(site),
      held: scheduler.heldOf(site),
      unsettled: scheduler.unsettledOf(site),
    })),
    runs: [
      ...running.map((record) => ({
        handle: record.dispatch.handle,
        callback: record.dispatch.callback,
        site: record.dispatch.site.name,
        state: record.state,
        pid: record.pid ?? null,
        waitedMs: record.waitedMs,
        ranMs: record.ranMs,
      })),
      ...scheduler
        .resting()
        .slice(0, shown)
        .map((dispatch) => ({ ...waitingOf(dispatch), ...scheduler.restOf(dispatch) })),
      ...scheduler.firstWaiting(shown).map(waitingOf),
    ],
    waitingTotal: scheduler.waiting,
    ...(shared === undefined ? {} : { sharedBacklog: { ...shared, sites: shared.sites.map((site) => ({ ...site })) } }),
  };
}

function stateOf({ troubleName }: ServedSite): string {
  if (troubleName === undefined) {
    return 'ready';
  }
  return troubleName.startsWith('DATABASE_') ? 'no database' : 'cannot boot';
}
