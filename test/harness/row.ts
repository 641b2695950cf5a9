import { randomBytes } from 'node:crypto';
import { serialize } from 'php-serialize';
import type { ProcessRow, Site } from './site.js';

/** A row that a test puts into {background_process} itself. */
export interface RowWish {
  readonly handle: string;
  readonly callback?: string;
  /** Raw serialised callback, instead of `callback`; null leaves the column NULL. */
  readonly rawCallback?: string | null;
  readonly args?: readonly unknown[];
  readonly uid?: number;
  readonly token?: string;
  readonly serviceHost?: string;
  readonly status?: number;
  /** Age of the row in seconds. */
  readonly ageSeconds?: number;
}

/** A fresh token as the module makes them. */
export function newToken(): string {
  return randomBytes(16).toString('hex');
}

/** Inserts a row as the module would have and answers its token. */
export async function insertRow(site: Site, wish: RowWish): Promise<string> {
  const token = wish.token ?? newToken();
  const callback =
    wish.rawCallback === undefined ? serialize(wish.callback ?? 'drupald_fixture_mark') : wish.rawCallback;
  await site.sql('INSERT INTO {background_process} SET ?', [
    {
      handle: wish.handle,
      callback,
      args: serialize([...(wish.args ?? [])]),
      uid: wish.uid ?? 0,
      token,
      service_host: wish.serviceHost ?? 'default',
      start_stamp: (Date.now() / 1000 - (wish.ageSeconds ?? 0)).toFixed(6),
      exec_status: wish.status ?? 1,
    },
  ]);
  return token;
}

/** The row of a handle, or undefined. */
export async function readRow(site: Site, handle: string): Promise<ProcessRow | undefined> {
  const rows = await site.sql<ProcessRow>('SELECT * FROM {background_process} WHERE handle = ?', [handle]);
  return rows[0];
}

/** PHP's rawurlencode(). */
export function rawUrlEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The path of a start as the module sends it: the handle is encoded twice. */
export function startPath(handle: string, token: string): string {
  return `/bgp-start/${rawUrlEncode(rawUrlEncode(handle))}/${token}`;
}
