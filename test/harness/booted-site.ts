import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createPool, type Pool } from 'mysql2/promise';
import { type Account, testAccount } from './account.js';
import { Caller, type CallerOptions } from './caller.js';
import type { DatabaseCredentials, MariaDb } from './mariadb.js';
import { type Settings, writeSettings } from './settings-file.js';
import type { Feature, Site, SiteKind } from './site.js';

/** Everything that makes a site. */
export interface SiteFacts {
  readonly kind: SiteKind;
  readonly root: string;
  readonly uris: readonly string[];
  readonly server: MariaDb;
  readonly features: ReadonlySet<Feature>;
  readonly settings: Settings;
  /** Folder below `sites/`, normally `default`. */
  readonly folder: string;
  /** Folder to remove at the end. */
  readonly disposable: string;
}

/** The one implementation of Site; what differs between the kinds is how the folder and the database came to be. */
export class BootedSite implements Site {
  readonly kind: SiteKind;
  readonly root: string;
  readonly uris: readonly string[];
  readonly server: MariaDb;
  readonly features: ReadonlySet<Feature>;
  readonly account: Account = testAccount();
  readonly pool: Pool;
  readonly settingsPath: string;
  readonly #disposable: string;
  readonly #callers = new Set<Caller>();
  #settings: Settings;
  #errands: Promise<Caller> | undefined;

  private constructor(facts: SiteFacts) {
    this.kind = facts.kind;
    this.root = facts.root;
    this.uris = facts.uris;
    this.server = facts.server;
    this.features = facts.features;
    this.settingsPath = join(facts.root, 'sites', facts.folder, 'settings.php');
    this.#settings = facts.settings;
    this.#disposable = facts.disposable;
    const { database } = facts.settings;
    this.pool = createPool({
      host: database.host,
      port: database.port,
      user: database.user,
      password: database.password,
      database: database.database,
      charset: 'utf8mb4',
      connectionLimit: 8,
    });
  }

  /** Writes settings.php and opens the pool. */
  static async open(facts: SiteFacts): Promise<BootedSite> {
    const site = new BootedSite(facts);
    await writeSettings(site.settingsPath, facts.settings);
    return site;
  }

  get database(): DatabaseCredentials {
    return this.#settings.database;
  }

  async configure(change: Partial<Omit<Settings, 'database'>>): Promise<void> {
    this.#settings = { ...this.#settings, ...change };
    await writeSettings(this.settingsPath, this.#settings);
    await this.#dropErrands();
  }

  /** Lets the code of the site, and so the daemon, reach the same database at another port; tests go on directly. */
  async reachDatabaseAt(port: number): Promise<void> {
    const { database } = this.#settings;
    this.#settings = { ...this.#settings, database: { ...database, port, socket: '' } };
    await this.configure({});
  }

  async setServiceHost(baseUrl: string, httpHost?: string): Promise<void> {
    const host = httpHost === undefined ? {} : { http_host: httpHost };
    await this.configure({
      conf: {
        ...this.#settings.conf,
        background_process_service_hosts: { default: { base_url: baseUrl, ...host } },
      },
    });
  }

  #prefixed(query: string): string {
    const { prefix } = this.#settings;
    return query.replace(/\{(\w+)\}/g, (_, table: string) => {
      const own = typeof prefix === 'string' ? prefix : (prefix?.[table] ?? prefix?.['default']);
      return `${own ?? ''}${table}`;
    });
  }

  async sql<T>(query: string, values: readonly unknown[] = []): Promise<T[]> {
    const [rows] = await this.pool.query(this.#prefixed(query), [...values]);
    return Array.isArray(rows) ? (rows as T[]) : [];
  }

  async variable(name: string, value: unknown): Promise<void> {
    await this.php('variable_set($args[0], $args[1]);', [name, value]);
  }

  async caller(options: CallerOptions = {}): Promise<Caller> {
    const caller = await Caller.start(this, options);
    this.#callers.add(caller);
    return caller;
  }

  async php<T>(code: string, args: unknown = null): Promise<T> {
    this.#errands ??= this.caller();
    const caller = await this.#errands;
    return await caller.php<T>(code, args);
  }

  async #dropErrands(): Promise<void> {
    const errands = await this.#errands?.catch(() => undefined);
    this.#errands = undefined;
    await errands?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#callers].map((caller) => caller.close()));
    await this.pool.end();
    await this.server.administer(`DROP DATABASE IF EXISTS \`${this.database.database}\``).catch(() => undefined);
    await rm(this.#disposable, { recursive: true, force: true });
  }
}
