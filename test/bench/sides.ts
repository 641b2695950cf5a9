import { connect } from 'node:net';
import { Apache } from '../harness/apache.js';
import type { BootedSite } from '../harness/booted-site.js';
import { Daemon, type DaemonOptions } from '../harness/daemon.js';
import { insertRow, startPath } from '../harness/row.js';
import { moduleRequest } from '../harness/wire.js';
import type { Reports } from './reports.js';

/** One of the two that are compared: where its starts go and which processes are its. */
export interface Side {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Apache as Debian ships it: prefork, mod_php, opcache, up to 150 workers. */
export async function apacheSide(site: BootedSite, folder: string): Promise<Side> {
  const apache = await Apache.start({
    root: site.root,
    account: site.account,
    folder,
    extra: 'StartServers 5\nMinSpareServers 5\nMaxSpareServers 10\nMaxRequestWorkers 150\nKeepAlive On\n',
  });
  return { name: 'mod_php', port: apache.port, pid: apache.pid, stop: () => apache.stop() };
}

/** drupald with one site. */
export async function daemonSide(
  name: string,
  site: BootedSite,
  folder: string,
  options: Partial<DaemonOptions> = {},
): Promise<Side> {
  const daemon = await Daemon.start({
    sites: [{ root: site.root, uris: site.uris }],
    folder,
    logLevel: 'warn',
    ...options,
    awaitReady: false,
  });
  await listening(daemon);
  return {
    name,
    port: daemon.port,
    pid: daemon.pid,
    stop: async () => {
      await daemon.stop();
      await daemon.forget();
    },
  };
}

async function listening(daemon: Daemon): Promise<void> {
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${String(daemon.port)}/readyz`).catch(() => undefined);
    if (ready?.status === 200) {
      return;
    }
    if (daemon.exitCode !== null) {
      throw new Error(`The daemon ended: ${daemon.output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let serial = 0;

/** A row whose callback tells when it began. */
export async function prepareStart(
  site: BootedSite,
  reports: Reports,
  seconds = 0,
): Promise<{ id: string; path: string }> {
  serial += 1;
  const id = `bench-${String(process.pid)}-${String(serial)}`;
  const token = await insertRow(site, {
    handle: id,
    callback: 'drupald_fixture_report',
    args: [reports.port, id, seconds],
    serviceHost: 'bench',
  });
  return { id, path: startPath(id, token) };
}

/** Sends a start as the module does; resolves when the other side has closed. */
export function sendStart(port: number, path: string, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('close', () => {
      resolve();
    });
    socket.resume();
    socket.write(moduleRequest(path, { host }));
  });
}
