import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo, testAccount } from './account.js';
import { BootedSite } from './booted-site.js';
import { type DatabaseCopy, fillDatabase } from './database-copy.js';
import type { MariaDb } from './mariadb.js';
import { mustRun } from './program.js';
import type { Settings } from './settings-file.js';
import type { Feature, SiteKind } from './site.js';

/** An installed site that is never used itself, only copied. Kept on disk, so that each test file finds it. */
export interface Template {
  readonly kind: SiteKind;
  /** Drupal's files with settings.php taken out. */
  readonly files: string;
  readonly features: readonly Feature[];
  readonly database: DatabaseCopy;
}

/** What a copy of a template may have of its own. */
export interface CopyOptions {
  readonly uris?: readonly string[];
  /** Folder below `sites/` for settings.php; default `default`. */
  readonly folder?: string;
  readonly prefix?: string;
  readonly conf?: Readonly<Record<string, unknown>>;
  readonly settings?: Partial<Omit<Settings, 'database' | 'prefix' | 'conf'>>;
}

/** Address of a site when a test names none. */
export const DEFAULT_URI = 'http://site.test';

let copies = 0;

/** Keeps a template below `folder` for other processes. */
export async function saveTemplate(folder: string, template: Template): Promise<void> {
  await writeFile(join(folder, `${template.kind}.json`), JSON.stringify(template));
}

/** Reads a kept template; undefined when there is none. */
export async function loadTemplate(folder: string, kind: SiteKind): Promise<Template | undefined> {
  const text = await readFile(join(folder, `${kind}.json`), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Template);
}

/** Copies files by hard links where the file system can, so that a copy costs folders only. */
export async function linkFolder(from: string, to: string): Promise<void> {
  try {
    await mustRun('cp', ['-al', from, to]);
  } catch {
    await rm(to, { recursive: true, force: true });
    await cp(from, to, { recursive: true, verbatimSymlinks: true });
    await giveTo(testAccount(), to);
  }
}

/** Makes a site of its own from a template: folder below `workFolder`, database on `server`. */
export async function copySite(
  template: Template,
  server: MariaDb,
  workFolder: string,
  options: CopyOptions = {},
): Promise<BootedSite> {
  copies += 1;
  const name = `${template.kind === 'real' ? 'real' : 'standin'}_${process.pid}_${copies}`;
  const disposable = join(workFolder, name);
  const root = join(disposable, 'web');
  const folder = options.folder ?? 'default';
  await mkdir(disposable, { recursive: true });
  await giveTo(testAccount(), disposable);
  await linkFolder(template.files, root);
  await mkdir(join(root, 'sites', folder, 'files'), { recursive: true });
  await giveTo(testAccount(), join(root, 'sites', folder));
  const database = await server.createDatabase(name);
  await fillDatabase(database, template.database, options.prefix);
  return await BootedSite.open({
    kind: template.kind,
    root,
    uris: options.uris ?? [DEFAULT_URI],
    server,
    features: new Set(template.features),
    folder,
    disposable,
    settings: {
      ...options.settings,
      database,
      ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
      conf: { file_temporary_path: '/tmp', ...options.conf },
    },
  });
}
