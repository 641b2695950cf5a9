import type { BootedSite } from './booted-site.js';
import { ultimateCronOne } from './paths.js';
import { enableModules, replaceModule } from './real-site.js';

/** PHP 8 has lost a function that the module's own tick needs, and finds much deprecated that pages then show. */
export const settingsOfOne = `error_reporting(E_ALL & ~E_DEPRECATED);
if (!function_exists('each')) {
  function each(array &$list) {
    $key = key($list);
    $value = current($list);
    next($list);
    return $key === NULL ? FALSE : array($key, $value);
  }
}`;

/** One row of {ultimate_cron_log} of Ultimate Cron 1.x. */
export interface LogOfOne {
  readonly start_stamp: number;
  readonly end_stamp: number;
  readonly severity: number;
  readonly exec_status: number;
  readonly msg: string;
}

/** Log rows of a job of the fixture, oldest first. */
export function logsOfOne(site: BootedSite, name: string): Promise<LogOfOne[]> {
  return site.sql('SELECT * FROM {ultimate_cron_log} WHERE name = ? ORDER BY start_stamp', [`drupald_${name}`]);
}

/** Gives a copy of the real site Ultimate Cron 1.x, with jobs of the fixture. */
export async function useCronOne(site: BootedSite, jobs: Readonly<Record<string, unknown>>): Promise<void> {
  await replaceModule(site, 'ultimate_cron', ultimateCronOne() ?? '');
  await enableModules(site, ['ultimate_cron']);
  await site.variable('drupald_fixture_jobs', jobs);
}
