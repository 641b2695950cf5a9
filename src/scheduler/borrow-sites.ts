import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Config } from '../config/config.js';
import type { EventBus } from '../events/bus.js';
import { give, resolveAccount } from '../support/account.js';
import { makeTemporaryStateDir } from '../support/state-dir.js';
import { WorkerSocket } from '../workers/worker-socket.js';
import { openSites } from './open-sites.js';
import type { ServedSite } from './served-site.js';

/** Opens the sites of a configuration, does something with them and closes them, whatever came of it. */
export type BorrowSites = <T>(config: Config, work: (sites: readonly ServedSite[]) => Promise<T>) => Promise<T>;

/**
 * Lets a command work with sites without a daemon, as the user that a daemon would have.
 * Sockets and logs lie in a folder of its own, which is removed at the end.
 *
 * @param shim absolute path of this package's shim
 * @throws what `task` throws, and DrupaldError when PHP cannot be run as the configured user
 */
export async function withoutDaemon<T>(
  config: Config,
  shim: string,
  bus: EventBus,
  task: (borrow: BorrowSites) => Promise<T>,
): Promise<T> {
  const account = await resolveAccount(config.user);
  const state = await makeTemporaryStateDir(account, shim);
  try {
    const socket = new WorkerSocket(join(state.dir, 'workers.sock'), bus);
    await socket.start();
    try {
      await give(socket.path, account);
      return await task(async (part, work) => {
        const open = await openSites({ config: part, socket, bus, shim: state.shim, logs: state.logs, account });
        try {
          return await work(open.sites);
        } finally {
          await Promise.all(open.sites.map((site) => site.stop()));
          await Promise.all(open.sources.map((source) => source.stop()));
        }
      });
    } finally {
      await socket.stop();
    }
  } finally {
    await rm(state.around, { recursive: true, force: true }).catch(() => undefined);
  }
}
