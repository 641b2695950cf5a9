import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { request } from 'undici';

import type { ServedSite } from '../scheduler/served-site.js';
import type { Surroundings } from '../sites/description.js';
import type { SiteUri } from '../sites/site-uri.js';
import { clockAhead, wallMs } from '../support/clock.js';
import { compareSurroundings } from './compare-surroundings.js';
import { clockTolerance } from './database-findings.js';
import { finding, type Finding } from './findings.js';

/** Milliseconds for the one request through the web server. */
const timeout = 15_000;

/**
 * Asks once through the web server what its PHP has around it, and says only what
 * differs from the PHP of the workers.
 *
 * A probe is put into the root folder for that moment: under a random name, silent
 * without a random token, removed in any case.
 *
 * @param shim folder of the shim, where the probe's text comes from
 * @param to address of the web server, when the site's own does not lead to it from here
 */
export async function webFindings(site: ServedSite, shim: string, to: string | undefined): Promise<Finding[]> {
  const uri = site.uris[0];
  const ours = site.facts?.surroundings;
  if (!ours) {
    return [];
  }
  const name = `drupald-probe-${randomBytes(12).toString('hex')}.php`;
  const token = randomBytes(24).toString('hex');
  const file = join(site.config.root, name);
  try {
    await writeFile(file, await probe(shim, token), { mode: 0o644, flag: 'wx' });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    return [finding('probe-not-placed', { site: site.name, root: site.config.root, reason })];
  }
  try {
    const before = wallMs();
    const theirs = await ask(uri, name, token, to);
    const ahead = clockAhead(theirs.time, before, wallMs());
    const findings = [
      ...compareSurroundings(site.name, ours, theirs),
      ...(Math.abs(ahead) > clockTolerance
        ? [finding('web-clock', { site: site.name, offset: ahead.toFixed(1) })]
        : []),
    ];
    return findings.length > 0 ? findings : [finding('web-same', { site: site.name })];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [finding('probe-unanswered', { site: site.name, reason })];
  } finally {
    await rm(file, { force: true });
  }
}

async function probe(shim: string, token: string): Promise<string> {
  const source = await readFile(join(shim, 'src', 'Surroundings.php'), 'utf8');
  return `${source}
if (!isset($_SERVER['HTTP_X_DRUPALD_TOKEN']) || $_SERVER['HTTP_X_DRUPALD_TOKEN'] !== '${token}') {
  header('HTTP/1.0 404 Not Found');
  exit;
}
header('Content-Type: application/json');
print json_encode(Surroundings::look());
`;
}

async function ask(uri: SiteUri, name: string, token: string, to: string | undefined): Promise<Surroundings> {
  const base = to === undefined ? uri.url : `${to.replace(/\/+$/, '')}${uri.basePath}`;
  const response = await request(`${base}/${name}`, {
    headers: { host: uri.host, 'x-drupald-token': token },
    headersTimeout: timeout,
    bodyTimeout: timeout,
  });
  const body = await response.body.text();
  if (response.statusCode !== 200) {
    throw new Error(`it answered ${response.statusCode}`);
  }
  return JSON.parse(body) as Surroundings;
}
