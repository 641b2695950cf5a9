import { readFile } from 'node:fs/promises';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';

/** Milliseconds between two looks. */
const LOOK_MS = 500;

/**
 * The npm that started this program, and the shell between the two. When one of them is killed nobody is left
 * who could end this program: its terminal is free again and shows nothing of it.
 */
export async function guardians(env: NodeJS.ProcessEnv): Promise<ProcessIdentity[]> {
  if (!env.npm_lifecycle_event) return [];
  const found: ProcessIdentity[] = [];
  let pid = process.ppid;
  // npm runs "sh -c"; some shells replace themselves by the command.
  for (let step = 0; step < 2; step += 1) {
    const one = await identify(pid);
    if (one === undefined || pid <= 1) break;
    found.push(one);
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
    if (!/^\d+ \((ba|da|z|k)?sh\)/.test(stat)) break;
    pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  return found;
}

/** Calls back once when one of them has ended. Returns a function that stops looking. */
export function watchGuardians(list: readonly ProcessIdentity[], onEnd: () => void): () => void {
  if (list.length === 0) return () => undefined;
  const timer = setInterval(() => {
    void Promise.all(list.map(isAlive)).then((alive) => {
      if (alive.every(Boolean)) return;
      clearInterval(timer);
      onEnd();
    });
  }, LOOK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
