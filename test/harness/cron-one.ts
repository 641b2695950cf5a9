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

const job = (rule: string, more = {}) => ({ rules: [rule], catch_up: 60, ...more });
const seldom = '0 0 29 2 *';

/** Jobs of the fixture that run at set times, and those that only run when they are told to. */
const jobs = {
  each: job('* * * * *'),
  other: job('*/1+@ * * * *'),
  daily: job('0 0 * * *', { catch_up: 90_000 }),
  rest: job(seldom),
  off: job('* * * * *', { enabled: false }),
  bad: job('0+@ * * * *'),
  away: job(seldom, { service_group: 'far' }),
};

/**
 * Gives a copy of the real site Ultimate Cron 1.x, with jobs of the fixture.
 *
 * @param port of the daemon
 * @param far address of a web server, for the service group `far`
 */
export async function useCronOne(site: BootedSite, port: number, far: string): Promise<void> {
  const host = (base_url: string) => ({ base_url, http_host: 'site.test' });
  const hosts = { default: host(`http://127.0.0.1:${port}`), web: host(far) };
  await site.configure({ conf: { file_temporary_path: '/tmp', background_process_service_hosts: hosts } });
  await replaceModule(site, 'ultimate_cron', ultimateCronOne() ?? '');
  await enableModules(site, ['ultimate_cron']);
  await site.variable('drupald_fixture_jobs', jobs);
  await site.variable('background_process_service_groups', { far: { hosts: ['web'] } });
}
