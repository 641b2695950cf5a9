import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';

/** Milliseconds between two looks at a process that is asked to end. */
const LOOK_MS = 20;

interface Relation {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

/** Every living process with its parent and session. */
async function relations(): Promise<Relation[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => undefined);
      // The name in parentheses may hold anything, so count from its end.
      const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
      return { pid: Number(name), state: fields?.[0], parent: Number(fields?.[1]), session: Number(fields?.[3]) };
    }),
  );
  return found.filter(({ state }) => state !== undefined && state !== 'Z' && state !== 'X');
}

/**
 * The named processes that still live, and all that belong to them: their descendants, and those that share
 * the session which a named process has led.
 */
export async function family(leaders: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const all = await relations();
  const alive = new Set<number>();
  const sessions = new Set<number>();
  for (const leader of leaders) {
    const now = await identify(leader.pid);
    if (now?.startTicks === leader.startTicks && now !== undefined) {
      alive.add(leader.pid);
      sessions.add(leader.pid);
    } else if (now === undefined) {
      // While a session has members, no new process gets the number of its dead leader.
      sessions.add(leader.pid);
    }
  }
  for (let before = -1; before !== alive.size;) {
    before = alive.size;
    for (const { pid, parent, session } of all) {
      if (alive.has(parent) || sessions.has(session)) alive.add(pid);
    }
  }
  alive.delete(process.pid);
  const found = await Promise.all([...alive].map(identify));
  return found.filter((one) => one !== undefined);
}

/**
 * Ends a process by its id: asks with SIGTERM, waits, then forces. It need not be a child of ours.
 *
 * @param patience milliseconds until SIGKILL
 */
export async function endProcess(one: ProcessIdentity, patience: number): Promise<void> {
  await signal(one, 'SIGTERM');
  const late = performance.now() + patience;
  while (await isAlive(one)) {
    if (performance.now() > late) await signal(one, 'SIGKILL');
    await pause(LOOK_MS);
  }
}

/** Ends processes and everything below them, one leader after the other, the last one first. */
export async function endFamilies(leaders: readonly ProcessIdentity[], patience: number): Promise<void> {
  for (const leader of [...leaders].reverse()) {
    const before = await family([leader]);
    await endProcess(leader, patience);
    // What was below it may have lost its parent by now, and be found no other way.
    for (const rest of new Set([...before, ...(await family([leader]))])) await endProcess(rest, 0);
  }
}

async function signal(one: ProcessIdentity, name: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(one))) return;
  try {
    process.kill(one.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
