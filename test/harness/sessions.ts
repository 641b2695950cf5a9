import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { BootedSite } from './booted-site.js';

/** A session of a site's database user, as the server lists it. */
interface Session {
  readonly id: number;
  /** Address and port of the client. */
  readonly host: string;
}

/** Local ports of the TCP connections that a process has open. */
function localPorts(pid: number): Set<number> {
  const sockets = new Set<string>();
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined) {
        sockets.add(inode);
      }
    } catch {
      // Closed since the folder was read.
    }
  }
  const ports = new Set<number>();
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, 'utf8').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (sockets.has(fields[9] ?? '')) {
      ports.add(Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
    }
  }
  return ports;
}

/** Sessions that the user of a site has; of one client process when it is named. */
export async function sessions(site: BootedSite, pid?: number): Promise<number[]> {
  const ports = pid === undefined ? undefined : localPorts(pid);
  const rows = (await site.server.administer(
    'SELECT id, host FROM information_schema.processlist WHERE user = ? ORDER BY id',
    [site.database.user],
  )) as Session[];
  return rows.filter(({ host }) => ports?.has(Number(host.split(':').at(-1))) ?? true).map(({ id }) => id);
}

/** Has the server end sessions, as an administrator would. One that has ended meanwhile is passed over. */
export async function killSessions(site: BootedSite, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    await site.server.administer(`KILL CONNECTION ${id}`).catch((error: unknown) => {
      if ((error as { code?: string }).code !== 'ER_NO_SUCH_THREAD') {
        throw error;
      }
    });
  }
}
