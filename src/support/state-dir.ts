import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { fail } from '../errors.js';
import { give, type Account } from './account.js';

/** A Unix socket's path has 107 bytes at most; the longest name below is "control.sock". */
const pathLimit = 90;

const pidFile = 'daemon.pid';

/** The folders of one daemon. */
export interface StateDir {
  readonly dir: string;
  /** Logs of runs. */
  readonly logs: string;
  /** The shim that PHP reads. */
  readonly shim: string;
}

/**
 * Makes the state directory, for its owner's eyes alone.
 *
 * @param shim the shim of this package; copied when another user has to read it
 * @throws DrupaldError STATE_DIR_UNUSABLE.
 */
export async function openStateDir(dir: string, account: Account | undefined, shim: string): Promise<StateDir> {
  if (Buffer.byteLength(dir) > pathLimit) {
    throw fail('STATE_DIR_UNUSABLE', { dir, reason: `its path is longer than ${pathLimit} bytes` });
  }
  const logs = join(dir, 'runs');
  try {
    await mkdir(dirname(dir), { recursive: true });
    for (const folder of [dir, logs]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await give(folder, account);
    }
    await refuseForeign(dir, account);
    if (!account) {
      await writeFile(join(dir, '.writable'), '');
      await rm(join(dir, '.writable'));
      return { dir, logs, shim };
    }
    // The package may lie where only root can read.
    const copy = join(dir, 'shim');
    await rm(copy, { recursive: true, force: true });
    await cp(shim, copy, { recursive: true });
    await giveTree(copy, account);
    return { dir, logs, shim: copy };
  } catch (error) {
    if (error instanceof Error && 'remedy' in error) {
      throw error;
    }
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw fail('STATE_DIR_UNUSABLE', { dir, reason }, { cause: error });
  }
}

/** Notes whose state directory this is, while the daemon runs. */
export async function writePid(dir: string): Promise<void> {
  await writeFile(join(dir, pidFile), `${process.pid}\n`, { mode: 0o600 });
}

export async function removePid(dir: string): Promise<void> {
  await rm(join(dir, pidFile), { force: true });
}

/** The living daemon that has this state directory, or undefined. */
export async function livingPid(dir: string): Promise<number | undefined> {
  try {
    const pid = Number(await readFile(join(dir, pidFile), 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) {
      return undefined;
    }
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return /drupald|cli\/main\.js/.test(command) ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function refuseForeign(dir: string, account: Account | undefined): Promise<void> {
  const owner = (await stat(dir)).uid;
  const wanted = account?.uid ?? process.getuid?.();
  if (wanted !== undefined && owner !== wanted) {
    throw fail('STATE_DIR_UNUSABLE', { dir, reason: `it belongs to the user number ${owner}` });
  }
}

async function giveTree(folder: string, account: Account): Promise<void> {
  await give(folder, account);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    await give(join(entry.parentPath, entry.name), account);
  }
}
