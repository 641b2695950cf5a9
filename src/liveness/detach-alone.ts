import type { Config } from '../config/config.js';
import { fail } from '../errors.js';
import { EventBus } from '../events/bus.js';
import { lockedCallback } from '../process/callback-name.js';
import { withoutDaemon } from '../scheduler/borrow-sites.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import { HandBack, type HandBackResult } from '../scheduler/hand-back.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { dispatchOf } from '../scheduler/take-start.js';
import { HostMap } from '../sites/host-map.js';
import { ownAddresses, servedHosts } from '../sites/service-hosts.js';
import { databaseReason } from '../store/database.js';
import { refuseSecond } from '../support/state-dir.js';
import { asStart } from './found-start.js';
import { StartNotes } from './start-notes.js';

/** What a detach without a daemon is told. */
export interface DetachAloneOptions {
  /** Absolute path of this package's shim. */
  readonly shim: string;
  /** State directory of the daemon that has gone. */
  readonly stateDir: string;
  /** Address to send to instead of the site's own. */
  readonly to: string | undefined;
}

/**
 * Gives back what a daemon that has gone left waiting: rows of status 3 with a
 * service host of ours, or of one whose starts came to that daemon.
 *
 * Rows of status 3 under other service hosts are not known to be ours: they stay,
 * and are counted as left.
 *
 * @throws DrupaldError ALREADY_RUNNING when a daemon has the state directory, DATABASE_UNREACHABLE before
 *   anything was given back, and what opening a site throws
 */
export async function detachAlone(config: Config, options: DetachAloneOptions): Promise<HandBackResult> {
  await refuseSecond(options.stateDir);
  const notes = new StartNotes(options.stateDir);
  await notes.load();
  const bus = new EventBus();
  return withoutDaemon(config, options.shim, bus, (borrow) =>
    borrow(config, async (sites) => {
      const hosts = new HostMap(
        sites.flatMap((site) => site.uris.map((uri) => ({ uri, target: site }))),
        ownAddresses(config.listen),
      );
      const handBack = new HandBack(bus);
      handBack.to = options.to;
      const left = { count: 0, reason: undefined as string | undefined };
      const dispatches: Dispatch[] = [];
      for (const site of sites) {
        const found = await waiting(site, config, hosts, notes);
        dispatches.push(...found.dispatches);
        left.count += found.left;
        left.reason = found.reason ?? left.reason;
      }
      // What the site does not begin waits on under its row, which is all that there is.
      const result = await handBack.all(dispatches, () => undefined);
      return { ...result, left: result.left + left.count, reason: result.reason ?? left.reason };
    }),
  );
}

/** What waits in a site, and how much of it is not ours to give back. */
async function waiting(
  site: ServedSite,
  config: Config,
  hosts: HostMap<ServedSite>,
  notes: StartNotes,
): Promise<{ dispatches: Dispatch[]; left: number; reason?: string }> {
  try {
    const byHost = await site.store.waitingByHost();
    const all = [...byHost.values()].reduce((sum, count) => sum + count, 0);
    if (!site.facts) {
      return { dispatches: [], left: all, reason: `${site.name} does not boot: ${site.trouble ?? 'unknown reason'}` };
    }
    if ((await site.installation.look()) === 'copied') {
      return { dispatches: [], left: all, reason: `the database of ${site.name} is a copy of one served elsewhere` };
    }
    const { serviceHosts } = site.facts;
    const names = new Set([
      ...servedHosts(serviceHosts, config.listen, site.config.serves),
      ...notes.hostsOf(site.name),
    ]);
    const rows = await site.store.unclaimed([...names], 0, config.backlog.max);
    const dispatches = rows
      .filter((row) => row.callback !== lockedCallback)
      .map((row, index) => {
        const httpHost = serviceHosts[row.serviceHost]?.httpHost ?? '';
        return dispatchOf(asStart(site, row, httpHost, hosts, notes), index);
      });
    const others = [...byHost.keys()].filter((name) => !names.has(name));
    const left = others.reduce((sum, name) => sum + (byHost.get(name) ?? 0), 0);
    const reason = `their service host (${others.join(', ')}) is not one that leads to drupald; name it in "serves" of the site`;
    return { dispatches, left, ...(left > 0 ? { reason } : {}) };
  } catch (error) {
    throw fail('DATABASE_UNREACHABLE', { uri: site.name, reason: databaseReason(error) }, { cause: error });
  }
}
