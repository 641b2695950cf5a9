import { readdirSync, readlinkSync } from 'node:fs';
import { commandLine, descendants } from '../harness/leftovers.js';

/** What a process of a daemon is. */
export type Role = 'worker' | 'spare' | 'zygote' | 'root' | 'other';

/** A process that a daemon has started, or one of its children has. */
export interface Found {
  readonly pid: number;
  readonly role: Role;
  readonly title: string;
}

/** The PHP processes of one site: below the daemon, or left behind by one that was killed. */
export class Processes {
  readonly #siteRoot: string;
  readonly #roots = new Set<number>();

  constructor(siteRoot: string) {
    this.#siteRoot = siteRoot;
  }

  /** Keeps in mind which roots a daemon has: they outlive it. */
  note(daemonPid: number): void {
    for (const pid of descendants(daemonPid)) {
      if (roleOf(commandLine(pid)) === 'root') {
        this.#roots.add(pid);
      }
    }
  }

  /** Process ids below a daemon. */
  below(daemonPid: number): number[] {
    return descendants(daemonPid);
  }

  /** All that live now, in the order of their ids. */
  all(daemonPid?: number): Found[] {
    const pids = new Set<number>();
    if (daemonPid !== undefined) {
      this.note(daemonPid);
    }
    for (const root of this.#roots) {
      // An id can be another's by now.
      if (roleOf(commandLine(root)) === 'root') {
        pids.add(root);
        descendants(root).forEach((pid) => pids.add(pid));
      } else {
        this.#roots.delete(root);
      }
    }
    for (const name of readdirSync('/proc')) {
      if (/^\d+$/.test(name) && this.#worksHere(name)) {
        pids.add(Number(name));
      }
    }
    return [...pids]
      .sort((one, other) => one - other)
      .map((pid) => ({ pid, title: commandLine(pid) }))
      .filter(({ title }) => title !== '')
      .map(({ pid, title }) => ({ pid, title, role: roleOf(title) }));
  }

  /** Workers of a zygote that was killed have no parent that tells whose they are, but the folder of the site. */
  #worksHere(pid: string): boolean {
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.#siteRoot);
    } catch {
      return false;
    }
  }
}

function roleOf(title: string): Role {
  const word = /^drupald (\w+)/.exec(title)?.[1] ?? '';
  switch (word) {
    case 'spare':
    case 'zygote':
    case 'root':
      return word;
    case 'run':
    case 'settle':
    case 'describe':
      return 'worker';
    default:
      return 'other';
  }
}
