import { readFileSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { fail } from '../errors.js';
import { didYouMean, suggestion } from '../support/did-you-mean.js';
import { scheduleSettings } from './schedule-schema.js';
import { settings, type SettingKey } from './schema.js';
import { environmentName } from './setting.js';
import { siteSettings } from './site-schema.js';

/** Raw values from one place, before they are checked. */
export interface Layer {
  /** Where they come from, as messages name it. */
  readonly source: string;
  /** Folder that relative paths start from. */
  readonly baseDir: string;
  readonly values: ReadonlyMap<SettingKey, unknown>;
  /** Raw entries of `sites`, when this place names any. */
  readonly sites?: readonly Readonly<Record<string, unknown>>[];
  /** Raw entries of `schedule` by name, when this place has any. */
  readonly schedule?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Values of flags by key path; `sites` holds what `--root` and `--uri` name. */
export type ConfigFlags = Partial<Readonly<Record<SettingKey, unknown>>> & {
  readonly sites?: readonly Readonly<Record<string, unknown>>[];
};

const settingKeys = Object.keys(settings) as SettingKey[];

/**
 * The first of the files that is there. One that another user than root or ourselves can have written
 * is refused: it names programs, and nobody has named it.
 *
 * @throws DrupaldError CONFIG_FILE_UNREADABLE
 */
export function findConfig(files: readonly string[], uid = process.getuid?.()): string | undefined {
  for (const file of files) {
    const found = statOrNull(file);
    if (!found?.isFile()) continue;
    if ((found.uid !== 0 && found.uid !== uid) || (found.mode & 0o002) !== 0) {
      const reason = 'it was found, not named, and another user can write to it; name it with --config';
      throw fail('CONFIG_FILE_UNREADABLE', { file, reason });
    }
    return file;
  }
  return undefined;
}

/** What cannot be looked at is not there for us. */
function statOrNull(file: string): Stats | null {
  try {
    return statSync(file);
  } catch {
    return null;
  }
}

/** Reads the configuration file. Throws CONFIG_FILE_UNREADABLE, CONFIG_INVALID_YAML, CONFIG_UNKNOWN_KEY or CONFIG_WRONG_TYPE. */
export function fileLayer(file: string): Layer {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (cause) {
    throw fail('CONFIG_FILE_UNREADABLE', { file, reason: reasonOf(cause) }, { cause });
  }
  let document: unknown;
  try {
    document = parse(content);
  } catch (cause) {
    const reason = cause instanceof YAMLParseError ? cause.message.split('\n')[0]?.replace(/:$/, '') : String(cause);
    throw fail('CONFIG_INVALID_YAML', { file, reason }, { cause });
  }
  const source = `the file ${file}`;
  document ??= {};
  if (!isMap(document)) {
    throw wrongType('(whole file)', source, document, 'names with values', 'listen: 127.0.0.1:8970');
  }
  const values = new Map<SettingKey, unknown>();
  const { sites, schedule, ...rest } = document;
  collect(rest, '', source, values);
  return {
    source,
    baseDir: dirname(resolve(file)),
    values,
    ...(sites === undefined || sites === null ? {} : { sites: checkSiteKeys(sites, source) }),
    ...(schedule === undefined || schedule === null ? {} : { schedule: checkEntryKeys(schedule, source) }),
  };
}

/**
 * Reads `DRUPALD_*` variables. One that is no setting but looks like a mistyped one throws CONFIG_UNKNOWN_KEY;
 * others are left alone, since the name may have other users.
 */
export function environmentLayer(env: NodeJS.ProcessEnv, cwd: string): Layer {
  const values = new Map<SettingKey, unknown>();
  const byName = new Map<string, SettingKey>(settingKeys.map((key) => [environmentName(key), key]));
  const others = ['DRUPALD_CONFIG', 'DRUPALD_ROOT', 'DRUPALD_URI'];
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('DRUPALD_') || value === undefined || value === '' || others.includes(name)) continue;
    const key = byName.get(name);
    if (key !== undefined) values.set(key, value);
    else if (!name.startsWith('DRUPALD_TEST_')) refuseTypo(name, [...byName.keys(), ...others]);
  }
  const layer = { source: 'the environment', baseDir: cwd, values };
  const { DRUPALD_ROOT: root, DRUPALD_URI: uris } = env;
  return root ? { ...layer, sites: [{ root, uris: uris ?? '' }] } : layer;
}

/** Takes the values of flags; those that are undefined were not given. */
export function flagLayer(flags: ConfigFlags, cwd: string): Layer {
  const values = new Map<SettingKey, unknown>();
  for (const key of settingKeys) if (flags[key] !== undefined) values.set(key, flags[key]);
  const layer = { source: 'the command line', baseDir: cwd, values };
  return flags.sites === undefined || flags.sites.length === 0 ? layer : { ...layer, sites: flags.sites };
}

/** The error for a value of a wrong type, with what was given, what it must be and an example. */
export function wrongType(key: string, source: string, given: unknown, expected: string, example: string): Error {
  // A union of settings of which most do not say it.
  const { secret = false } = isSettingKey(key) ? (settings[key] as { readonly secret?: boolean }) : {};
  const shown = secret && given !== '' ? 'a value that is not shown, because it may hold a password' : show(given);
  return fail('CONFIG_WRONG_TYPE', { key, source, given: shown, expected, example });
}

/** Every key path that a configuration file may hold, sites' keys as `sites[].KEY`. */
function knownKeys(): readonly string[] {
  return [...Object.keys(settings), 'sites', 'schedule', ...Object.keys(siteSettings).map((key) => `sites[].${key}`)];
}

function collect(map: Record<string, unknown>, prefix: string, source: string, into: Map<SettingKey, unknown>): void {
  for (const [name, value] of Object.entries(map)) {
    const key = prefix + name;
    if (isSettingKey(key)) {
      if (value !== null) into.set(key, value);
    } else if (settingKeys.some((known) => known.startsWith(`${key}.`))) {
      if (isMap(value)) collect(value, `${key}.`, source, into);
      else if (value !== null) {
        const inner = settingKeys.filter((known) => known.startsWith(`${key}.`));
        throw wrongType(key, source, value, `a group of settings (${inner.join(', ')})`, `${inner[0] ?? key}: …`);
      }
    } else {
      throw unknownKey(key, source, knownKeys());
    }
  }
}

function checkSiteKeys(sites: unknown, source: string): Record<string, unknown>[] {
  if (!Array.isArray(sites)) {
    throw wrongType(
      'sites',
      source,
      sites,
      'a list of sites',
      '[{ root: /var/www/drupal, uris: [https://www.example.com] }]',
    );
  }
  return sites.map((site: unknown, index) => {
    const prefix = `sites[${String(index)}]`;
    if (!isMap(site))
      throw wrongType(prefix, source, site, 'a site', '{ root: /var/www/drupal, uris: [https://www.example.com] }');
    for (const key of Object.keys(site)) {
      if (!Object.hasOwn(siteSettings, key))
        throw unknownKey(`${prefix}.${key}`, source, Object.keys(siteSettings), key);
    }
    return site;
  });
}

function checkEntryKeys(schedule: unknown, source: string): Record<string, Record<string, unknown>> {
  const example = '{ nightly: { rule: "0 3 * * *", callback: mymodule_nightly } }';
  if (!isMap(schedule)) throw wrongType('schedule', source, schedule, 'names with entries', example);
  const entries = Object.entries(schedule).map(([name, entry]) => {
    const prefix = `schedule.${name}`;
    if (!isMap(entry)) throw wrongType(prefix, source, entry, 'an entry with a rule', example);
    for (const key of Object.keys(entry)) {
      if (!Object.hasOwn(scheduleSettings, key))
        throw unknownKey(`${prefix}.${key}`, source, Object.keys(scheduleSettings), key);
    }
    return [name, entry] as const;
  });
  return Object.fromEntries(entries);
}

function unknownKey(key: string, source: string, known: readonly string[], word = key): Error {
  return fail('CONFIG_UNKNOWN_KEY', { key, source, suggestion: suggestion(word, known) });
}

function refuseTypo(name: string, known: readonly string[]): void {
  const near = didYouMean(name, known);
  if (near !== null) throw unknownKey(name, 'the environment', [near]);
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settings, key);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'nothing';
  const shown = JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown;
}

function reasonOf(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a folder';
  return cause instanceof Error ? cause.message : String(cause);
}
