import { readdirSync, readlinkSync } from 'node:fs';
import { testAccount } from './account.js';
import { descendants, isDead } from './leftovers.js';
import { runProgram } from './program.js';

/** A limit that a process can run into, by the name that prlimit gives it. */
export type LimitName = 'nofile' | 'nproc';

/** Changes the soft limit of a process and all that it has started; `most` is as far as its hard limit goes. */
export async function limitProcesses(pid: number, name: LimitName, value: number | 'most'): Promise<void> {
  for (const one of [pid, ...descendants(pid)]) {
    const hard = value === 'most' ? await hardLimit(one, name) : undefined;
    const args = [`--pid=${one}`, `--${name}=${hard ?? String(value)}:`];
    // As its own user, which not even root need be able to do for him.
    const { code, stderr } = await runProgram('prlimit', args, { account: testAccount() });
    if (code !== 0 && !isDead(one)) {
      throw new Error(`prlimit ${args.join(' ')} said: ${stderr}`);
    }
  }
}

async function hardLimit(pid: number, name: LimitName): Promise<string> {
  const args = [`--pid=${pid}`, `--${name}`, '--output=HARD', '--noheadings', '--raw'];
  const { stdout } = await runProgram('prlimit', args, { account: testAccount() });
  return stdout.trim() || 'unlimited';
}

/** The highest file descriptor that a daemon keeps back. */
export function lastInReserve(pid: number): number {
  const kept = readdirSync(`/proc/${pid}/fd`).filter((name) => readlinkSync(`/proc/${pid}/fd/${name}`) === '/dev/null');
  return Math.max(...kept.map(Number));
}
