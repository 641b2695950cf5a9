import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { fail } from '../errors.js';
import { give, type Account } from './account.js';

/** A Unix socket's path has 107 bytes at most; the longest name below is "control.sock". */
const pathLimit = 90;

const pidFile = 'daemon.pid';

/** Where PHP's forking processes leave what the last daemon did not hear. The shim knows this name. */
export const exitsFolder = 'exits';

/** The folders of one daemon. */
export interface StateDir {
  readonly dir: string;
  /** Logs of runs. */
  readonly logs: string;
  /** The shim that PHP reads. */
  readonly shim: string;
}

/** A state directory that exists and has its owner, but not its content yet. */
export interface ClaimedStateDir {
  /** Fills it. To be called as its owner: root must not act inside a folder that another user can change. */
  fill(): Promise<StateDir>;
}

/**
 * Makes the state directory, for its owner's eyes alone.
 *
 * @param shim the shim of this package; read now when another user has to use it
 * @throws DrupaldError STATE_DIR_UNUSABLE.
 */
export async function claimStateDir(dir: string, account: Account | undefined, shim: string): Promise<ClaimedStateDir> {
  if (Buffer.byteLength(dir) > pathLimit) {
    throw fail('STATE_DIR_UNUSABLE', { dir, reason: `its path is longer than ${pathLimit} bytes` });
  }
  if (/^\/(proc|sys|dev)(\/|$)/.test(dir)) {
    throw fail('STATE_DIR_UNUSABLE', { dir, reason: 'it is no place for files' });
  }
  return usable(dir, async () => {
    await mkdir(dirname(dir), { recursive: true });
    await mkdir(dir, { mode: 0o700 }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw error;
      }
    });
    await own(dir, account);
    // The package may lie where only root can read.
    const kept = account ? await readTree(shim) : undefined;
    return { fill: () => usable(dir, () => fill(dir, shim, kept)) };
  });
}

/**
 * A state directory for one command, with a random name.
 *
 * @returns also the folder around it, which the caller removes
 */
export async function makeTemporaryStateDir(
  account: Account | undefined,
  shim: string,
): Promise<StateDir & { readonly around: string }> {
  const around = await mkdtemp(join(tmpdir(), 'drupald-doctor-'));
  const dir = join(around, 'state');
  const logs = join(dir, 'runs');
  await mkdir(logs, { recursive: true });
  const copy = join(dir, 'shim');
  await cp(shim, copy, { recursive: true });
  // Until the last step nobody else can enter, so nobody can swap what is given away.
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    await give(join(entry.parentPath, entry.name), account);
  }
  await give(dir, account);
  await give(around, account);
  return { dir, logs, shim: copy, around };
}

/** Opened without following a link, and given away through what was opened: nobody can swap it in between. */
async function own(dir: string, account: Account | undefined): Promise<void> {
  const handle = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const owner = (await handle.stat()).uid;
    const wanted = account?.uid ?? process.getuid?.() ?? owner;
    if (owner !== wanted && owner !== process.getuid?.()) {
      throw fail('STATE_DIR_UNUSABLE', { dir, reason: `it belongs to the user number ${owner}` });
    }
    if (account && owner !== account.uid) {
      if ((await readdir(dir)).length > 0) {
        throw fail('STATE_DIR_UNUSABLE', { dir, reason: 'it belongs to root and is not empty' });
      }
      await handle.chown(account.uid, account.gid);
    }
    await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}

async function fill(dir: string, shim: string, kept: ReadonlyMap<string, Buffer> | undefined): Promise<StateDir> {
  const logs = join(dir, 'runs');
  await mkdir(logs, { recursive: true, mode: 0o700 });
  await mkdir(join(dir, exitsFolder), { recursive: true, mode: 0o700 });
  for (const folder of [dir, logs]) {
    await writeFile(join(folder, '.writable'), '');
    await rm(join(folder, '.writable'));
  }
  if (!kept) {
    return { dir, logs, shim };
  }
  const copy = join(dir, 'shim');
  await rm(copy, { recursive: true, force: true });
  for (const [name, content] of kept) {
    await mkdir(dirname(join(copy, name)), { recursive: true });
    await writeFile(join(copy, name), content);
  }
  return { dir, logs, shim: copy };
}

async function readTree(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of await readdir(folder, { recursive: true })) {
    if ((await stat(join(folder, name))).isFile()) {
      files.set(name, await readFile(join(folder, name)));
    }
  }
  return files;
}

async function usable<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'remedy' in error) {
      throw error;
    }
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ELOOP' || code === 'ENOTDIR' ? 'it is a link or no folder' : (code ?? String(error));
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

/**
 * Makes sure that no living daemon has this state directory.
 *
 * @throws DrupaldError ALREADY_RUNNING
 */
export async function refuseSecond(dir: string): Promise<void> {
  const running = await livingPid(dir);
  if (running !== undefined) {
    throw fail('ALREADY_RUNNING', { who: ` (process id ${running})`, address: `from the state directory ${dir}` });
  }
}

/** The living daemon that has this state directory, or undefined. */
async function livingPid(dir: string): Promise<number | undefined> {
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
