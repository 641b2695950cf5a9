import { readdir, readFile } from 'node:fs/promises';

import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';

/** Looks for processes that were started while others were being stopped. */
const freezeLooks = 20;

/**
 * The processes that a process has started, and theirs, as far as /proc tells.
 *
 * A program that leaves the process group of its run (`setsid`) is found by this alone.
 */
export async function descendants(pid: number): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const child of await children(next)) {
      const identity = await identify(child);
      if (identity) {
        found.push(identity);
        open.push(child);
      }
    }
  }
  return found;
}

/**
 * Stops all that a stopped process has started, so that none can start another meanwhile.
 *
 * @param found gets each of them, at once
 */
export async function freeze(pid: number, found: ProcessIdentity[]): Promise<void> {
  for (let look = 0; look < freezeLooks; look += 1) {
    const fresh = (await descendants(pid)).filter((one) => found.every((other) => other.pid !== one.pid));
    if (fresh.length === 0) {
      return;
    }
    found.push(...fresh);
    await signalAll(fresh, 'SIGSTOP');
  }
}

async function children(pid: number): Promise<number[]> {
  try {
    const tasks = await readdir(`/proc/${pid}/task`);
    const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')));
    return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  } catch {
    // It has ended meanwhile, or this system has no /proc.
    return [];
  }
}

/** Signals those that still are who they were. */
export async function signalAll(processes: readonly ProcessIdentity[], signal: NodeJS.Signals): Promise<void> {
  for (const one of processes) {
    if (await isAlive(one)) {
      try {
        process.kill(one.pid, signal);
      } catch {
        // Gone between the look and the signal.
        continue;
      }
    }
  }
}

/** Proportional memory of processes in bytes: what they share is counted once over all that share it. */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1').catch(() => '');
      return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
