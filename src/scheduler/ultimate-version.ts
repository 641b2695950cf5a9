import type { ServedSite } from './served-site.js';

/** The major version of a site's Ultimate Cron, where that is run here; undefined: it is not, or there is none. */
export function ultimateVersion({ config, facts }: Pick<ServedSite, 'config' | 'facts'>): 1 | 2 | undefined {
  if (config.cron === 'off' || facts?.modules.ultimate_cron?.enabled !== true) return undefined;
  return facts.ultimateCron === 0 ? undefined : facts.ultimateCron;
}
