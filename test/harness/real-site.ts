import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { giveTo, testAccount } from './account.js';
import { copyDatabase } from './database-copy.js';
import type { BootedSite } from './booted-site.js';
import type { MariaDb } from './mariadb.js';
import { phpFixture, projectFolder } from './paths.js';
import { mustRun, PHP_FLAGS } from './program.js';
import { writeSettings } from './settings-file.js';
import { DEFAULT_URI, type Template } from './template.js';

const MODULES = ['dblog', 'user', 'locale', 'progress', 'background_process', 'background_batch', 'drupald_fixture'];

/**
 * Copies the real Drupal below `folder`, installs it with its own installer and enables the modules.
 *
 * @throws Error with the installer's words when it fails.
 */
export async function installReal(source: string, server: MariaDb, folder: string): Promise<Template> {
  const files = join(folder, 'real');
  const account = testAccount();
  await cp(source, files, { recursive: true, verbatimSymlinks: true });
  await rm(join(files, 'sites/default/settings.php'), { force: true });
  await cp(join(projectFolder(), 'test/fixtures/drupald_fixture'), join(files, 'sites/all/modules/drupald_fixture'), {
    recursive: true,
  });
  await mkdir(join(files, 'sites/default/files'), { recursive: true });
  await chmod(files, 0o755);
  await giveTo(account, files);
  const database = await server.createDatabase('template_real');
  const settings = join(files, 'sites/default/settings.php');
  await writeSettings(settings, { database, conf: { file_temporary_path: '/tmp' } });
  const php = (script: string, ...args: string[]) =>
    mustRun('php', [...PHP_FLAGS, fileURLToPath(phpFixture(script)), files, ...args], {
      cwd: files,
      account,
    });
  await php('install-real.php', `${DEFAULT_URI}/install.php`);
  await php('enable-real.php', DEFAULT_URI, MODULES.join(','));
  const copy = await copyDatabase(database);
  await chmod(join(files, 'sites/default'), 0o755);
  await rm(settings, { force: true });
  return {
    kind: 'real',
    files,
    features: ['real', 'locale', 'batch', 'maintenance', 'users', 'semaphore', 'watchdog'],
    database: copy,
  };
}

/** Puts another copy of a contributed module in the place of the one that a copy of the real site has. */
export async function replaceModule(site: BootedSite, name: string, source: string): Promise<void> {
  const folder = join(site.root, 'sites/all/modules/contrib', name);
  await rm(folder, { recursive: true, force: true });
  await cp(source, folder, { recursive: true });
  await giveTo(site.account, folder);
}

/** Enables further modules on a copy of the real site, with what they depend on. */
export async function enableModules(site: BootedSite, modules: readonly string[]): Promise<void> {
  const script = fileURLToPath(phpFixture('enable-real.php'));
  await mustRun('php', [...PHP_FLAGS, script, site.root, site.uris[0] ?? DEFAULT_URI, modules.join(',')], {
    cwd: site.root,
    account: site.account,
  });
}
