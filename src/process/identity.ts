import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A process of this machine that cannot be mistaken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot, from /proc; undefined where there is none. */
  readonly startTicks: string | undefined;
}

/** Reads who a pid is now; undefined when no such process exists. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    return parse(pid, await readFile(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The same at once, of a process that was alive a moment ago; without its start time where there is no /proc. */
export function identifyNow(pid: number): ProcessIdentity {
  try {
    return parse(pid, readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? { pid, startTicks: undefined };
  } catch {
    return { pid, startTicks: undefined };
  }
}

function parse(pid: number, stat: string): ProcessIdentity | undefined {
  // The name in parentheses may hold anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  return state === 'Z' || state === 'X' ? undefined : { pid, startTicks: fields[19] };
}

/** Whether the very same process still lives. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks;
}
