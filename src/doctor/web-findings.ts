import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { request } from 'undici';

import type { ServedSite } from '../scheduler/served-site.js';
import type { Surroundings } from '../sites/description.js';
import type { SiteUri } from '../sites/site-uri.js';
import { ok, problem, warn, type Finding } from './findings.js';

/** Milliseconds for the one request through the web server. */
const timeout = 15_000;

/** ini settings whose difference is only a difference of place. */
const harmless = new Set(['include_path', 'session.save_path', 'max_input_time', 'error_reporting']);

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
    return [
      problem(
        `${site.name}: the probe for the web server cannot be put into ${site.config.root} (${reason})`,
        'Run "drupald doctor --web" as a user who may write there, for instance root.',
      ),
    ];
  }
  try {
    const theirs = await ask(uri, name, token, to);
    const findings = compare(site.name, ours, theirs);
    return findings.length > 0 ? findings : [ok(`${site.name}: the PHP of the web server has the same settings`)];
  } catch (error) {
    return [
      problem(
        `${site.name}: the web server does not answer the probe (${error instanceof Error ? error.message : String(error)})`,
        'Name the address of the web server with --to, and check that it serves PHP files of that folder.',
      ),
    ];
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

function compare(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  return [
    ...compareVersion(name, ours, theirs),
    ...compareIni(name, ours, theirs),
    ...compareEnvironment(name, ours, theirs),
    ...compareExtensions(name, ours, theirs),
    ...compareUser(name, ours, theirs),
  ];
}

function compareVersion(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const branch = (version: string): string => version.split('.').slice(0, 2).join('.');
  return branch(ours.version) === branch(theirs.version)
    ? []
    : [
        problem(
          `${name}: the web server runs PHP ${theirs.version}, the workers run ${ours.version}`,
          `Name the command line PHP of ${branch(theirs.version)} in the setting "php" of the site.`,
        ),
      ];
}

function compareIni(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  return Object.entries(theirs.ini)
    .filter(([setting, value]) => !harmless.has(setting) && ours.ini[setting] !== value)
    .map(([setting, value]) =>
      warn(
        `${name}: ${setting} is "${value}" under the web server, "${ours.ini[setting] ?? ''}" in the workers`,
        `Set it in the setting "ini" of the site: ${setting}: "${value}".`,
      ),
    );
}

function compareEnvironment(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const names = Object.keys(theirs.environment).filter((key) => ours.environment[key] !== theirs.environment[key]);
  return names.map((key) =>
    warn(
      `${name}: the web server sets ${key}, which the workers ${key in ours.environment ? 'have with another value' : 'do not have'}`,
      `Set it in the setting "env" of the site.`,
    ),
  );
}

function compareExtensions(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const missing = theirs.extensions.filter((extension) => !ours.extensions.includes(extension));
  return missing.length === 0
    ? []
    : [
        problem(
          `${name}: the web server's PHP has extensions that the workers' lacks: ${missing.join(', ')}`,
          'Install and enable them for the command line.',
        ),
      ];
}

function compareUser(name: string, ours: Surroundings, theirs: Surroundings): Finding[] {
  const findings: Finding[] = [];
  if (theirs.umask !== ours.umask) {
    findings.push(
      warn(
        `${name}: files are made with the umask ${theirs.umask} under the web server, ${ours.umask} in the workers`,
        `Set the setting "umask" of the site to "${theirs.umask}".`,
      ),
    );
  }
  if (theirs.user >= 0 && theirs.user !== ours.user) {
    findings.push(
      warn(
        `${name}: the web server runs as the user number ${theirs.user}, the workers as ${ours.user}`,
        'Run drupald as the user of the web server (--user).',
      ),
    );
  }
  return findings;
}
