import type { CronJob } from '../cron/cron-job.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import { formatDuration } from '../support/duration.js';
import { finding, type Finding } from './findings.js';

/** Seconds after which an item that waits is worth a word. */
const patience = 600;

/** What of a site these findings need. */
export interface ExaminedCron {
  readonly name: string;
  readonly facts?: Pick<NonNullable<ServedSite['facts']>, 'modules' | 'queues'> | undefined;
  readonly seenSettings: Pick<ServedSite['seenSettings'], 'overrides'>;
  readonly core: Pick<ServedSite['core'], 'variable'>;
  readonly queue: Pick<ServedSite['queue'], 'longWaiting'>;
}

/**
 * What a site's variables and queues say about its cron.
 *
 * @param now seconds since 1970
 */
export async function cronFindings(site: ExaminedCron, now = Date.now() / 1000): Promise<Finding[]> {
  try {
    return [...(await thresholdFindings(site)), ...(await queueFindings(site, now))];
  } catch (error) {
    return [finding('database-away', { site: site.name, reason: databaseReason(error) })];
  }
}

/** Jobs whose rules cannot be used, as a daemon knows them. */
export function jobFindings(jobs: readonly CronJob[]): Finding[] {
  return jobs
    .filter(({ state }) => state === 'unusable')
    .map(({ site, name, rule }) => finding('cron-rule', { site, job: name, reason: rule.replace(/^unusable: /, '') }));
}

async function thresholdFindings(site: ExaminedCron): Promise<Finding[]> {
  if (!site.facts?.modules.ultimate_cron?.enabled) return [];
  const set = site.seenSettings.overrides.cron_safe_threshold ?? (await site.core.variable('cron_safe_threshold'));
  const seconds = Number(set ?? 0);
  return seconds > 0 ? [finding('cron-threshold', { site: site.name, seconds })] : [];
}

async function queueFindings(site: ExaminedCron, now: number): Promise<Finding[]> {
  // Without one its table may be missing.
  if (!site.facts || site.facts.queues.length === 0) return [];
  const waiting = await site.queue.longWaiting(now - patience);
  return waiting.map(({ queue, count, oldest }) =>
    finding('queue-waits', { site: site.name, queue, count, age: formatDuration(Math.round(now - oldest) * 1000) }),
  );
}
