import { readFileSync } from 'node:fs';
import { chown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The account that PHP, the database and the daemon run as. */
export interface Account {
  /** Name in the password file. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** True when it is not the account of this process, so that processes must be switched to it. */
  readonly switched: boolean;
}

function lookUp(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const fields = line?.split(':');
  if (fields?.[2] === undefined || fields[3] === undefined) {
    return undefined;
  }
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

/** Root never runs PHP: it hands over to `www-data` or `nobody`. Everybody else stays who they are. */
export function unprivilegedAccount(): Account {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) {
    return {
      name: process.env.USER ?? String(uid),
      uid,
      gid: process.getgid?.() ?? uid,
      switched: false,
    };
  }
  for (const name of ['www-data', 'nobody']) {
    const found = lookUp(name);
    if (found !== undefined) {
      return { name, ...found, switched: true };
    }
  }
  throw new Error('Root needs an account www-data or nobody to hand PHP to.');
}

/** Options for child_process.spawn that switch to the account where that is needed. */
export function spawnAs(account: Account): { uid?: number; gid?: number } {
  return account.switched ? { uid: account.uid, gid: account.gid } : {};
}

/** Gives a file or a whole folder to the account; does nothing when this process already runs as it. */
export async function giveTo(account: Account, path: string): Promise<void> {
  if (!account.switched) {
    return;
  }
  await chown(path, account.uid, account.gid);
  if ((await lstat(path)).isDirectory()) {
    for (const entry of await readdir(path, { recursive: true })) {
      const inner = join(path, entry);
      if (!(await lstat(inner)).isSymbolicLink()) {
        await chown(inner, account.uid, account.gid);
      }
    }
  }
}
