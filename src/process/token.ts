import { randomBytes } from 'node:crypto';

/** A token as the module makes them: 32 hexadecimal digits by which only who knows them can start a process. */
export function newToken(): string {
  return randomBytes(16).toString('hex');
}
