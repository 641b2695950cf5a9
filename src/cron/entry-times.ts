import type { ScheduleEntry } from '../config/schedule.js';
import { fail } from '../errors.js';
import type { EntryTimes } from './entry-due.js';
import { parseRules } from './rule.js';
import { skewOf } from './skew.js';
import { Zone } from './zone.js';

/** What is wrong with the rule or the zone of an entry. */
export interface EntryProblem {
  readonly what: 'rule' | 'zone';
  /** A clause. */
  readonly reason: string;
}

/**
 * Reads the rule and the zone of an entry.
 *
 * @param siteZone where the entry names none; what nobody knows is UTC, as for jobs of sites
 */
export function readTimes(entry: ScheduleEntry, siteZone: string): EntryTimes | EntryProblem {
  const { good, bad } = parseRules(entry.rule, skewOf(entry.name));
  if (bad[0]) return { what: 'rule', reason: `${bad[0].text}: ${bad[0].reason}` };
  if (good.length === 0) return { what: 'rule', reason: 'it is empty' };
  const zone = entry.zone === undefined ? Zone.orUtc(siteZone) : Zone.named(entry.zone);
  if (!zone) return { what: 'zone', reason: `there is no zone ${entry.zone ?? ''}` };
  return { name: entry.name, rules: good, zone, jitter: entry.jitter, catchUp: entry.catchUp };
}

/**
 * Refuses a schedule with an entry that could not run. A daemon runs the others nevertheless.
 *
 * @throws DrupaldError CONFIG_SCHEDULE_RULE, CONFIG_SCHEDULE_ZONE
 */
export function checkSchedule(schedule: readonly ScheduleEntry[]): void {
  for (const entry of schedule) {
    const { name, rule, zone } = entry;
    const times = readTimes(entry, 'UTC');
    if (!('what' in times)) continue;
    const { what, reason } = times;
    throw what === 'rule'
      ? fail('CONFIG_SCHEDULE_RULE', { name, rule, reason })
      : fail('CONFIG_SCHEDULE_ZONE', { name, zone });
  }
}
