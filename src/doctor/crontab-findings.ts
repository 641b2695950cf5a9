import { execFile } from 'node:child_process';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { ServedSite } from '../scheduler/served-site.js';
import { normalizeHost, type SiteUri } from '../sites/site-uri.js';
import { finding, type Finding } from './findings.js';

/** Where crontabs lie. */
export interface CrontabPlaces {
  readonly files: readonly string[];
  /** Folders with one crontab in each file. */
  readonly folders: readonly string[];
  /** The crontab of the user who looks, when its file cannot be read; undefined: there is none. */
  list(): Promise<string | undefined>;
}

const systemPlaces: CrontabPlaces = {
  files: ['/etc/crontab'],
  folders: ['/etc/cron.d', '/var/spool/cron/crontabs', '/var/spool/cron'],
  async list() {
    try {
      return (await promisify(execFile)('crontab', ['-l'], { timeout: 5_000 })).stdout;
    } catch {
      return undefined;
    }
  },
};

/** What of a site these findings need. */
type Site = Pick<ServedSite, 'name' | 'uris'> & {
  readonly config: { readonly root: string; readonly cron: string | number };
};

/**
 * Lines of crontabs that call the cron of this site. What such a line holds beside the call
 * is not told: it carries the key of cron, and often passwords.
 */
export async function crontabFindings(site: Site, places: CrontabPlaces = systemPlaces): Promise<Finding[]> {
  const tables = new Map<string, string>();
  let spoolSeen = false;
  for (const file of [...places.files, ...(await filesIn(places.folders))]) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) {
      tables.set(file, text);
      spoolSeen ||= file.includes('/spool/');
    }
  }
  const own = spoolSeen ? undefined : await places.list();
  if (own !== undefined) {
    tables.set('crontab -l', own);
  }
  const roots = [site.config.root, await realpath(site.config.root).catch(() => site.config.root)];
  return [...tables].flatMap(([file, text]) =>
    text.split('\n').flatMap((row, index) => {
      const how = cronCall(row, site.uris, roots);
      const code = site.config.cron === 'off' ? 'crontab-only' : 'crontab';
      return how === undefined ? [] : [finding(code, { site: site.name, file, line: index + 1, how })];
    }),
  );
}

/** How a line of a crontab calls the cron of a site; undefined: it does not, or of another site, or nobody knows. */
export function cronCall(row: string, uris: readonly SiteUri[], roots: readonly string[]): string | undefined {
  if (/^\s*(#|$)/.test(row)) {
    return undefined;
  }
  for (const [address] of row.matchAll(/https?:\/\/[^\s'"<>|;&]+/g)) {
    const page = cronPage(address);
    if (page && uris.some((uri) => normalizeHost(uri.host) === page.host && uri.basePath === page.basePath)) {
      return page.shown;
    }
  }
  if (!/\bdrush\S*\s.*?\b(core-cron|cron)\b/.test(row)) {
    return undefined;
  }
  const named = /(?:--uri[= ]|\s-l[= ]?)["']?([^\s"']+)/.exec(row)?.[1];
  if (named !== undefined && !uris.some((uri) => hostOf(named) === normalizeHost(uri.host))) {
    return undefined;
  }
  const words = row.split(/[\s"';&|()=]+/).map((word) => word.replace(/^-r(?=\/)/, '').replace(/(.)\/+$/, '$1'));
  const here = roots.some((root) => words.includes(root.replace(/(.)\/+$/, '$1')));
  const elsewhere = /(?:--root[= ]|\s-r[= ]?|\bcd\s+)/.test(row);
  return here || (named !== undefined && !elsewhere) ? 'drush cron' : undefined;
}

function cronPage(address: string): { host: string; basePath: string; shown: string } | undefined {
  if (!URL.canParse(address)) {
    return undefined;
  }
  const url = new URL(address);
  const path = /^(.*)\/cron\.php$/.exec(url.pathname)?.[1];
  const shown = `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`;
  return path === undefined ? undefined : { host: normalizeHost(url.host), basePath: path, shown };
}

function hostOf(uri: string): string {
  const url = /^https?:\/\//i.test(uri) ? uri : `http://${uri}`;
  return URL.canParse(url) ? normalizeHost(new URL(url).host) : '';
}

async function filesIn(folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    const names = await readdir(folder, { withFileTypes: true }).catch(() => []);
    files.push(
      ...names
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => join(folder, name))
        .sort(),
    );
  }
  return files;
}
