import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The project's folder: the one that DRUPALD_TEST_PROJECT names, else the nearest above this file with a package.json. */
export function projectFolder(): string {
  const named = process.env['DRUPALD_TEST_PROJECT'];
  if (named !== undefined) {
    return named;
  }
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) {
      throw new Error('No package.json above the test harness.');
    }
    folder = parent;
  }
  return folder;
}

/** A PHP script below test/fixtures/php. */
export function phpFixture(name: string): URL {
  return pathToFileURL(join(projectFolder(), 'test/fixtures/php', name));
}

/** The real Drupal 7 to test with, or undefined when this machine has none. */
export function realDrupal(): string | undefined {
  const named = process.env['DRUPALD_TEST_DRUPAL7'];
  const folder = named ?? join(homedir(), '.cache/drupald/drupal7');
  if (existsSync(join(folder, 'includes/bootstrap.inc'))) {
    return folder;
  }
  if (named !== undefined && named !== '') {
    throw new Error(`DRUPALD_TEST_DRUPAL7 names ${named}, which holds no Drupal 7.`);
  }
  return undefined;
}

/**
 * The module Ultimate Cron 7.x-1.x to test with, or undefined when this machine has none.
 *
 * Not what followed it on the same branch: that needs a Background Process that was never released.
 */
export function ultimateCronOne(): string | undefined {
  const named = process.env['DRUPALD_TEST_ULTIMATE_CRON_1'];
  const folder = named ?? join(homedir(), '.cache/drupald/ultimate_cron-7.x-1.9');
  const file = join(folder, 'ultimate_cron.module');
  if (existsSync(file) && readFileSync(file, 'utf8').includes('function ultimate_cron_load_hook_data(')) {
    return folder;
  }
  if (named !== undefined && named !== '') {
    throw new Error(`DRUPALD_TEST_ULTIMATE_CRON_1 names ${named}, which holds no Ultimate Cron 7.x-1.x.`);
  }
  return undefined;
}
