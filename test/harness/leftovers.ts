import { readdirSync, readFileSync } from 'node:fs';
import type { Daemon } from './daemon.js';
import type { Site } from './site.js';
import { waitFor } from './wait.js';

/** What finished work may not leave behind. */
export interface Leftovers {
  readonly rows: readonly string[];
  /** Names of progress rows that nobody ended. */
  readonly openProgress: readonly string[];
  readonly locks: readonly string[];
  /** PHP processes below the daemon that have or had work: not its roots, zygotes and spares. */
  readonly workers: readonly number[];
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is no process that is left; its parent only has not looked yet.
    return fields[0] === 'Z' ? undefined : Number(fields[1]);
  } catch {
    return undefined;
  }
}

/** Whether a process has ended, also when nobody has looked at its end yet. */
export function isDead(pid: number): boolean {
  return parentOf(pid) === undefined;
}

/** All living processes below a process, nearest first. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name)) {
      const parent = parentOf(Number(name));
      if (parent !== undefined) {
        children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
      }
    }
  }
  const found: number[] = [];
  const queue = [pid];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const below = children.get(next) ?? [];
    found.push(...below);
    queue.push(...below);
  }
  return found;
}

/** Command line of a process, words joined by blanks; empty when it is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
  } catch {
    return '';
  }
}

/** Counts what is left of all processes of a site. Direct PHP children of the daemon are its roots and may stay. */
export async function leftovers(site: Site, daemon?: Daemon): Promise<Leftovers> {
  const names = async (query: string): Promise<string[]> =>
    (await site.sql<{ name: string }>(query)).map((row) => row.name);
  return {
    rows: await names('SELECT handle AS name FROM {background_process}'),
    openProgress: await names('SELECT name FROM {progress} WHERE end_stamp = 0'),
    locks: await names('SELECT name FROM {semaphore}'),
    workers:
      daemon === undefined
        ? []
        : descendants(daemon.pid).filter((pid) => {
            const parent = parentOf(pid);
            return parent !== undefined && parent !== daemon.pid && !/^drupald (spare|zygote)\b/.test(commandLine(pid));
          }),
  };
}

/** Waits until nothing is left; the error names what still is. */
export async function nothingLeft(site: Site, daemon?: Daemon, limitMs?: number): Promise<void> {
  let last: Leftovers | undefined;
  await waitFor(
    async () => {
      last = await leftovers(site, daemon);
      return Object.values(last).every((list: readonly unknown[]) => list.length === 0);
    },
    { what: 'nothing to be left', seen: () => last, ...(limitMs === undefined ? {} : { limitMs }) },
  );
}
