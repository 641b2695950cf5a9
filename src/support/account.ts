import { execFile } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { promisify } from 'node:util';

import { fail } from '../errors.js';

/** A user of the system that the sites' code runs as. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account to run as: undefined means as we are.
 *
 * @throws DrupaldError ROOT_USER_REQUIRED when root was given no user,
 *   USER_UNKNOWN when there is no such user, or it is root, or we may not become it.
 */
export async function resolveAccount(user: string | undefined): Promise<Account | undefined> {
  const isRoot = process.getuid?.() === 0;
  if (user === undefined) {
    if (isRoot) {
      throw fail('ROOT_USER_REQUIRED');
    }
    return undefined;
  }
  const account = await lookUp(user);
  if (account.uid === 0) {
    throw fail('USER_UNKNOWN', { user, reason: 'it is root' });
  }
  if (!isRoot) {
    if (account.uid !== process.getuid?.()) {
      throw fail('USER_UNKNOWN', { user, reason: 'only root can start drupald for another user' });
    }
    return undefined;
  }
  return account;
}

/** Becomes the account for good: groups first, since afterwards it is too late. */
export function become(account: Account): void {
  // The types leave this one out.
  (process as { initgroups?(user: string, group: number): void }).initgroups?.(account.name, account.gid);
  process.setgid?.(account.gid);
  process.setuid?.(account.uid);
}

/** Gives a file or folder to the account; without one it stays ours. */
export async function give(path: string, account: Account | undefined): Promise<void> {
  if (account) {
    await chown(path, account.uid, account.gid);
  }
}

async function lookUp(user: string): Promise<Account> {
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', user]);
    const [name, , uid, gid] = stdout.trim().split(':');
    if (name !== undefined && uid !== undefined && gid !== undefined) {
      return { name, uid: Number(uid), gid: Number(gid) };
    }
  } catch (error) {
    throw fail('USER_UNKNOWN', { user, reason: 'there is no such user' }, { cause: error });
  }
  throw fail('USER_UNKNOWN', { user, reason: 'there is no such user' });
}
