import { join } from 'node:path';

import { loadRedisParts } from '../backlog/redis-parts.js';
import { Descriptors } from '../components/descriptors.js';
import type { Config } from '../config/config.js';
import type { ListenAddress } from '../config/kinds.js';
import type { EventBus } from '../events/bus.js';
import { TroubleTeller } from '../events/trouble-teller.js';
import { Troubles } from '../events/troubles.js';
import { createLog } from '../observe/log.js';
import { LogListener } from '../observe/log-listener.js';
import { noticeWish, ServiceManager } from '../observe/service-manager.js';
import { CrashBook } from '../outcome/crash-book.js';
import { LockKeeper } from '../outcome/lock-keeper.js';
import { LogKeeper, longestLog } from '../outcome/log-keeper.js';
import { openHistory } from '../scheduler/open-history.js';
import { openSites } from '../scheduler/open-sites.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { HostMap } from '../sites/host-map.js';
import { ownAddresses } from '../sites/service-hosts.js';
import { Ledger } from '../store/ledger.js';
import { loadLazyParts } from '../store/lazy-parts.js';
import { become, type Account } from '../support/account.js';
import { shimFolder } from '../support/package.js';
import { claimStateDir, removePid, writePid } from '../support/state-dir.js';
import { WorkerSocket } from '../workers/worker-socket.js';

/** What undoes the start of a daemon, in the order in which it was made; run backwards. */
export type CleanUp = (() => unknown)[];

/** What everything else of a daemon stands on. */
export type Foundation = Awaited<ReturnType<typeof layFoundation>>;

/**
 * Takes the state folder and gives root up, then opens the log, the sites and what a daemon remembers.
 *
 * @param listen with the port that was got
 * @throws DrupaldError when the daemon cannot start
 */
export async function layFoundation(
  config: Config,
  listen: ListenAddress,
  account: Account | undefined,
  bus: EventBus,
  cleanUp: CleanUp,
) {
  const claimed = await claimStateDir(config.stateDir, account, shimFolder);
  const redisParts = config.backlog.redis === undefined ? undefined : await loadRedisParts();
  if (account) {
    loadLazyParts();
    become(account);
  }
  const state = await claimed.fill();
  await writePid(state.dir);
  cleanUp.push(() => removePid(state.dir));
  const troubles = new Troubles(bus);
  await observe(config, state.logs, bus, cleanUp);
  const socket = new WorkerSocket(join(state.dir, 'workers.sock'), bus);
  await socket.start();
  cleanUp.push(() => socket.stop());
  const { sites, sources } = await openSites({ config, socket, bus, shim: state.shim, logs: state.logs });
  cleanUp.push(async () => {
    await Promise.all(sites.map((site) => site.stop()));
    await Promise.all(sources.map((source) => source.stop()));
  });
  const hosts = new HostMap<ServedSite>(
    sites.flatMap((site) => site.uris.map((uri) => ({ uri, target: site }))),
    ownAddresses(listen),
  );
  const ledger = new Ledger(state.dir, new TroubleTeller(bus, 'the ledger'));
  const left = ledger.open();
  cleanUp.push(() => ledger.close());
  const history = openHistory(sites, config.history, bus, ledger);
  await history.start();
  cleanUp.push(() => history.stop());
  const crashes = new CrashBook(state.dir, config.setAside);
  cleanUp.push(() => crashes.written);
  return {
    bus,
    listen,
    state,
    troubles,
    sites,
    hosts,
    ledger,
    left,
    history,
    locks: new LockKeeper(ledger),
    crashes,
    redisParts,
  };
}

/** Those who watch the daemon itself, and write down what happens. */
async function observe(config: Config, logs: string, bus: EventBus, cleanUp: CleanUp): Promise<void> {
  const logListener = new LogListener(bus, createLog(config.log));
  await logListener.start();
  const manager = new ServiceManager(bus, noticeWish());
  await manager.start();
  cleanUp.push(() => manager.stop());
  const logKeeper = new LogKeeper(logs, config.output.keep, longestLog(config));
  await logKeeper.start();
  cleanUp.push(() => logKeeper.stop());
  const descriptors = new Descriptors(new TroubleTeller(bus, 'descriptors'));
  await descriptors.start();
  cleanUp.push(() => descriptors.stop());
}
