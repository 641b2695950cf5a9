import { chmod, cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo, testAccount } from './account.js';
import { copyDatabase } from './database-copy.js';
import type { MariaDb } from './mariadb.js';
import { projectFolder } from './paths.js';
import { mustRun, PHP_FLAGS } from './program.js';
import { writeSettings } from './settings-file.js';
import type { Feature } from './site.js';
import type { Template } from './template.js';

/** What the stand-in can do. */
export const STAND_IN_FEATURES: readonly Feature[] = ['users', 'maintenance', 'semaphore', 'watchdog'];

/** Copies demo/site below `folder` and makes its tables with its own script. */
export async function installStandIn(server: MariaDb, folder: string): Promise<Template> {
  const files = join(folder, 'stand-in');
  const account = testAccount();
  await cp(join(projectFolder(), 'demo/site'), files, { recursive: true });
  await cp(join(projectFolder(), 'test/fixtures/drupald_fixture'), join(files, 'sites/all/modules/drupald_fixture'), {
    recursive: true,
  });
  await mkdir(join(files, 'sites/default/files'), { recursive: true });
  await chmod(files, 0o755);
  await giveTo(account, files);
  const database = await server.createDatabase('template_standin');
  const settings = join(files, 'sites/default/settings.php');
  await writeSettings(settings, { database, conf: {} });
  await mustRun('php', [...PHP_FLAGS, join(files, 'scripts/install.php'), '--enable=drupald_fixture'], {
    cwd: files,
    account,
  });
  const copy = await copyDatabase(database);
  await rm(settings, { force: true });
  return {
    kind: 'stand-in',
    files,
    features: STAND_IN_FEATURES,
    database: copy,
  };
}
