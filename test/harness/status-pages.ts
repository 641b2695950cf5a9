import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readStatusPage, type NoPage, type StatusPage } from '../../src/liveness/status-page.js';
import { judge, type ForeignHost, type Verdict } from '../../src/liveness/status-verdict.js';
import { projectFolder } from './paths.js';

/** The mark in the requests that asked for the pages. */
export const MARK = 'drupald=5f0c';

/** When the pages are taken to be read, in seconds since 1970. */
export const READ_AT = 2_000_000_000;

/** The service host of the pages. */
export const WWW: ForeignHost = {
  baseUrl: 'http://127.0.0.1:18911',
  httpHost: 'www.example.com',
  statusUrl: 'http://127.0.0.1:18911/server-status',
};

/** The text of a page in test/fixtures/mod-status. */
export function statusText(name: string): string {
  return readFileSync(join(projectFolder(), 'test/fixtures/mod-status', name), 'utf8');
}

/** A page of test/fixtures/mod-status as it is understood. */
export function statusPage(name: string): StatusPage | NoPage {
  return readStatusPage(statusText(name), MARK);
}

/** The invented token of a process on the pages. */
export function tokenOf(handle: string): string {
  return createHash('md5').update(handle).digest('hex');
}

/** The verdict about a process on a page. */
export function verdictOf(
  handle: string,
  page: string | StatusPage | NoPage,
  more: { readonly host?: Partial<ForeignHost>; readonly token?: string; readonly ageSeconds?: number } = {},
): Verdict {
  const { host = {}, token = tokenOf(handle), ageSeconds = 600 } = more;
  const run = { handle, token, startedAt: READ_AT - ageSeconds };
  return judge(run, { ...WWW, ...host }, typeof page === 'string' ? statusPage(page) : page, READ_AT);
}
