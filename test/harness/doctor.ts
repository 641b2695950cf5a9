import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drupald } from './daemon.js';
import { newHandle } from './run.js';
import type { BootedSite } from './booted-site.js';

/** A finding as `--json` prints it. */
export interface FoundFinding {
  readonly code: string;
  readonly level: 'ok' | 'warn' | 'problem';
  readonly title: string;
  readonly remedy?: string;
}

/** What a doctor said. */
export interface Examination {
  readonly findings: readonly FoundFinding[];
  /** Exit code. */
  readonly code: number | null;
  /** Codes of everything that was found. */
  readonly codes: readonly string[];
  /** Codes of what is not merely information. */
  readonly bad: readonly string[];
}

/** How a site is put before the doctor. */
export interface ExaminationWish {
  /** Folder for the configuration file. */
  readonly folder: string;
  /** Settings of the daemon. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Settings of the site. */
  readonly site?: Readonly<Record<string, unknown>>;
  readonly flags?: readonly string[];
}

/** Lets a doctor look at a site without a daemon. Its service host is taken as this doctor's own. */
export async function examineAlone(site: BootedSite, wish: ExaminationWish): Promise<Examination> {
  const file = join(wish.folder, `${newHandle('doctor')}.yml`);
  const entry = { root: site.root, uris: site.uris, ...wish.site };
  await writeFile(file, JSON.stringify({ listen: '127.0.0.1:1', ...wish.settings, sites: [entry] }));
  const user = site.account.switched ? ['--user', site.account.name] : [];
  return read(await drupald(['doctor', '--json', '--config', file, ...user, ...(wish.flags ?? [])]));
}

/** Asks the daemon with this state directory. */
export async function examineRunning(stateDir: string, flags: readonly string[] = []): Promise<Examination> {
  return read(await drupald(['doctor', '--json', '--state-dir', stateDir, ...flags]));
}

function read(result: { stdout: string; stderr: string; code: number | null }): Examination {
  if (result.stderr !== '') throw new Error(`doctor said on stderr: ${result.stderr}`);
  const { findings } = JSON.parse(result.stdout) as { findings: FoundFinding[] };
  return {
    findings,
    code: result.code,
    codes: findings.map(({ code }) => code),
    bad: findings.filter(({ level }) => level !== 'ok').map(({ code }) => code),
  };
}
