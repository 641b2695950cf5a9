import { fail } from '../errors.js';
import { scheduleSettings } from './schedule-schema.js';
import type { Setting } from './setting.js';
import type { Layer } from './sources.js';

/** What an entry does. */
export type ScheduleWork =
  | { readonly kind: 'callback'; readonly callback: string; readonly arguments: readonly unknown[] }
  | { readonly kind: 'queue'; readonly queue: string }
  | { readonly kind: 'cron' };

/** One entry of `schedule`. Its rule and its zone are read by the room `cron`, which knows the grammar. */
export interface ScheduleEntry {
  readonly name: string;
  /** As it is written. */
  readonly rule: string;
  /** Name of a time zone; undefined: the one of the site. */
  readonly zone: string | undefined;
  /** One of the addresses of its site; undefined: there is one site. */
  readonly site: string | undefined;
  readonly work: ScheduleWork;
  readonly overlap: 'skip' | 'queue' | 'replace';
  /** Milliseconds. */
  readonly jitter: number;
  /** Milliseconds; undefined: as its callback has it. */
  readonly limit: number | undefined;
  /** Milliseconds. */
  readonly catchUp: number;
}

/** Checks the value of one setting. */
type Check = (key: string, setting: Setting<unknown>, raw: unknown, source: string) => unknown;

/** The name under which cron of a site without Ultimate Cron is listed. */
const taken = 'cron';

/**
 * The entries of the strongest source that has any.
 *
 * @param sites those of the same source: an entry may not name another; empty: it is not checked
 * @throws DrupaldError CONFIG_WRONG_TYPE, CONFIG_SCHEDULE
 */
export function readSchedule(
  layers: readonly Layer[],
  sites: readonly { readonly uris: readonly string[] }[],
  check: Check,
): readonly ScheduleEntry[] {
  const layer = layers.findLast((one) => one.schedule !== undefined);
  if (!layer?.schedule) return [];
  const names = new Set<string>();
  return Object.entries(layer.schedule).map(([name, raw]) => {
    // Drupal compares the handles of processes without case.
    const lower = name.toLowerCase();
    if (!/^\w[\w.-]{0,99}$/.test(name)) {
      throw fail('CONFIG_SCHEDULE', { name, reason: 'a name holds letters, digits, _, . and - only, 100 at most' });
    }
    if (lower === taken || names.has(lower)) {
      throw fail('CONFIG_SCHEDULE', { name, reason: 'another job has this name' });
    }
    names.add(lower);
    const values: Partial<Record<Key, unknown>> = {};
    for (const key of Object.keys(scheduleSettings) as Key[]) {
      const setting: Setting<unknown> = scheduleSettings[key];
      const value = raw[key] ?? setting.default;
      if (value === undefined && key !== 'rule') continue;
      values[key] = check(`schedule.${name}.${key}`, setting, value, layer.source);
    }
    // Each key was read by the schema of the same key, which the compiler cannot follow through a loop.
    return entryOf(name, values as Values, sites);
  });
}

type Key = keyof typeof scheduleSettings;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** Those that have a default, or must be given. */
type Sure = 'rule' | 'arguments' | 'overlap' | 'jitter' | 'catch_up';

type Values = { readonly [K in Sure]: ValueOf<(typeof scheduleSettings)[K]> } & {
  readonly [K in Exclude<Key, Sure>]?: ValueOf<(typeof scheduleSettings)[K]>;
};

function entryOf(name: string, values: Values, sites: readonly { readonly uris: readonly string[] }[]): ScheduleEntry {
  const { rule, zone, site, overlap, jitter, limit, catch_up: catchUp } = values;
  const uris = sites.flatMap((one) => one.uris);
  if (site !== undefined && uris.length > 0 && !uris.some((uri) => sameAddress(uri, site))) {
    throw fail('CONFIG_SCHEDULE', { name, reason: `there is no site ${site}, but ${uris.join(', ')}` });
  }
  if (site === undefined && sites.length > 1) {
    throw fail('CONFIG_SCHEDULE', { name, reason: `it must say which site is meant: ${uris.join(', ')}` });
  }
  return { name, rule, zone, site, work: workOf(name, values), overlap, jitter, limit, catchUp };
}

function workOf(name: string, values: Values): ScheduleWork {
  const { callback, queue, cron, arguments: args } = values;
  const given = Object.entries({ callback, queue, cron }).flatMap(([key, value]) => (value === undefined ? [] : [key]));
  if (given.length !== 1) {
    const reason =
      given.length === 0
        ? 'it does nothing; exactly one of callback, queue and cron must be given'
        : `it names ${given.join(' and ')}, but an entry does one thing`;
    throw fail('CONFIG_SCHEDULE', { name, reason });
  }
  if (args.length > 0 && callback === undefined) {
    throw fail('CONFIG_SCHEDULE', { name, reason: 'only a callback takes arguments' });
  }
  if (callback !== undefined) return { kind: 'callback', callback, arguments: args };
  return queue === undefined ? { kind: 'cron' } : { kind: 'queue', queue };
}

/** Whether two texts are one address; the scheme may be left out. */
export function sameAddress(uri: string, given: string): boolean {
  const plain = (text: string): string => text.toLowerCase().replace(/\/+$/, '');
  return plain(uri) === plain(given) || plain(uri).replace(/^https?:\/\//, '') === plain(given);
}
