import { chmod, rename, writeFile } from 'node:fs/promises';
import { giveTo, unprivilegedAccount } from './account.js';
import type { DatabaseCredentials } from './mariadb.js';

/** What is wanted in a site's settings.php. */
export interface Settings {
  readonly database: DatabaseCredentials;
  /** Table prefix, or one per table. */
  readonly prefix?: string | Readonly<Record<string, string>>;
  /** A second database under the key `background_process`. */
  readonly processDatabase?: DatabaseCredentials;
  readonly baseUrl?: string;
  readonly conf: Readonly<Record<string, unknown>>;
  /** PHP code appended as it is. */
  readonly extra?: string;
}

/** A value as PHP source; objects become associative arrays. */
export function phpValue(value: unknown): string {
  const json = JSON.stringify(value ?? null);
  return `json_decode('${json.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}', TRUE)`;
}

function connection(database: DatabaseCredentials, prefix: Settings['prefix']): unknown {
  return {
    driver: 'mysql',
    database: database.database,
    username: database.user,
    password: database.password,
    host: database.host,
    port: String(database.port),
    prefix: prefix ?? '',
  };
}

/** The text of a settings.php. */
export function settingsText(settings: Settings): string {
  const databases: Record<string, unknown> = {
    default: { default: connection(settings.database, settings.prefix) },
  };
  if (settings.processDatabase !== undefined) {
    databases.background_process = {
      default: connection(settings.processDatabase, settings.prefix),
    };
  }
  return [
    '<?php',
    `$databases = ${phpValue(databases)};`,
    '$update_free_access = FALSE;',
    "$drupal_hash_salt = 'stable-salt-of-the-stand-in';",
    ...(settings.baseUrl === undefined ? [] : [`$base_url = ${phpValue(settings.baseUrl)};`]),
    `$conf = ${phpValue(settings.conf)} + (isset($conf) ? $conf : array());`,
    settings.extra ?? '',
    '',
  ].join('\n');
}

/** Replaces a settings.php in one step; a hard-linked original elsewhere stays as it was. */
export async function writeSettings(path: string, settings: Settings): Promise<void> {
  const fresh = `${path}.new`;
  await writeFile(fresh, settingsText(settings));
  await giveTo(unprivilegedAccount(), fresh);
  await chmod(fresh, 0o640);
  await rename(fresh, path);
}
