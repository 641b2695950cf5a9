import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { descendants, isDead } from './leftovers.js';
import { waitFor } from './wait.js';

/** A control group whose processes have little memory together. */
export interface MemoryGroup {
  /** Puts a process and all that it has started into it. */
  take(pid: number): Promise<void>;
  /** Removes it, when the last of its processes has ended. */
  remove(): Promise<void>;
}

/** Where a control group of ours can be made, and what its limits are called. */
async function parent(): Promise<{ folder: string; limit: string; swap: string } | undefined> {
  const groups = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const first = /^\d+:(?:\w+,)*memory(?:,\w+)*:(\/.*)$/m.exec(groups)?.[1];
  if (first !== undefined) {
    const folder = join('/sys/fs/cgroup/memory', first);
    return { folder, limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes' };
  }
  const second = /^0::(\/.*)$/m.exec(groups)?.[1];
  return second === undefined
    ? undefined
    : { folder: join('/sys/fs/cgroup', second), limit: 'memory.max', swap: 'memory.swap.max' };
}

/**
 * Makes a control group below our own.
 *
 * @param bytes that its processes may have together
 * @returns why there can be none here, in a sentence
 */
export async function makeMemoryGroup(name: string, bytes: number): Promise<MemoryGroup | string> {
  const above = await parent();
  if (!above) {
    return 'This machine tells of no control group for memory.';
  }
  const folder = join(above.folder, name);
  try {
    await mkdir(folder);
  } catch (error) {
    return `No control group for memory can be made here: ${(error as Error).message}.`;
  }
  try {
    await writeFile(join(folder, above.limit), String(bytes));
  } catch (error) {
    await rmdir(folder);
    return `A control group that is made here limits no memory: ${(error as Error).message}.`;
  }
  // Without swap there is nothing to limit. The first version counts it with the memory.
  await writeFile(join(folder, above.swap), above.swap === 'memory.swap.max' ? '0' : String(bytes)).catch(
    () => undefined,
  );
  return {
    take: async (pid) => {
      for (const one of [pid, ...descendants(pid)]) {
        await writeFile(join(folder, 'cgroup.procs'), String(one)).catch((error: unknown) => {
          if (!isDead(one)) throw error;
        });
      }
    },
    remove: async () => {
      const removed = (): Promise<boolean> =>
        rmdir(folder).then(
          () => true,
          () => false,
        );
      await waitFor(removed, { what: 'the control group to be empty' });
    },
  };
}
