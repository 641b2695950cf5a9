import type { Pool } from 'mysql2/promise';
import type { Account } from './account.js';
import type { Caller, CallerOptions } from './caller.js';
import type { DatabaseCredentials, MariaDb } from './mariadb.js';
import type { Settings } from './settings-file.js';

/** Which of the two kinds of site a test runs on. */
export type SiteKind = 'stand-in' | 'real';

/** What a site can do; a test names what it needs and is skipped where that is missing. */
export type Feature = 'real' | 'locale' | 'batch' | 'maintenance' | 'users' | 'semaphore' | 'watchdog';

/** One row of {background_process} as the database gives it. */
export interface ProcessRow {
  readonly handle: string;
  readonly callback: string | null;
  readonly args: Buffer | null;
  readonly uid: number;
  readonly token: string;
  readonly service_host: string;
  readonly start_stamp: string | null;
  readonly exec_status: number;
}

/** A Drupal site with a folder and a database of its own, made for one test file. */
export interface Site {
  readonly kind: SiteKind;
  /** Drupal's root folder. */
  readonly root: string;
  readonly uris: readonly string[];
  readonly database: DatabaseCredentials;
  readonly server: MariaDb;
  readonly pool: Pool;
  readonly account: Account;
  readonly features: ReadonlySet<Feature>;
  /** Folder below `sites/` whose settings.php counts. */
  readonly settingsPath: string;
  /** Points the service host `default` to `baseUrl`; `httpHost` is the Host header that the module sends. */
  setServiceHost(baseUrl: string, httpHost?: string): Promise<void>;
  /** Changes settings.php. */
  configure(change: Partial<Omit<Settings, 'database'>>): Promise<void>;
  /** Rows of a statement; `{table}` names get the site's prefix. */
  sql<T>(query: string, values?: readonly unknown[]): Promise<T[]>;
  /** Sets a variable through the site's own variable_set(). */
  variable(name: string, value: unknown): Promise<void>;
  /** A PHP process that has booted the site like a page request. */
  caller(options?: CallerOptions): Promise<Caller>;
  /** Runs PHP code in a caller that is kept for such errands; returns what the code returns. */
  php<T>(code: string, args?: unknown): Promise<T>;
  /** Ends callers and connections and removes the folder and the database. */
  close(): Promise<void>;
}
