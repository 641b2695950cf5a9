/** How to reach one database of a site, from its own settings.php. */
export interface DatabaseAccess {
  readonly driver: string;
  readonly host: string;
  /** 0: the server's default. */
  readonly port: number;
  /** Path of the server's Unix socket; empty: TCP. */
  readonly socket: string;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Character set of the site's connections; comparing handles follows it. */
  readonly charset: string;
  /** Whether settings.php asks for an encrypted link. */
  readonly encrypted: boolean;
  /** Drupal's table names with their prefixes. */
  readonly tables: Readonly<Record<string, string>>;
}

/** What settings.php says; known even when the database is down. */
export interface SiteSettings {
  readonly version: string;
  /** Folder below the root, such as `sites/default`. */
  readonly folder: string;
  readonly hasSettings: boolean;
  readonly baseUrl: string;
  /** Files that were read for it, such as settings.php and what that includes. */
  readonly files: readonly string[];
  /** Variables about cron that settings.php fixes: their rows in the table do not count. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** Keys `default` and, when the site has it, `background_process`. */
  readonly databases: Readonly<Record<string, DatabaseAccess>>;
  /** Whether PHP can reach MySQL at all. */
  readonly pdoMysql: boolean;
}

export interface ModuleFact {
  readonly enabled: boolean;
  readonly schema: number;
  /** Empty for a checkout from version control. */
  readonly version: string;
}

/** What a PHP process has around it, for a comparison with the web server's. */
export interface Surroundings {
  readonly version: string;
  readonly sapi: string;
  readonly ini: Readonly<Record<string, string>>;
  /** Names with a digest of each value. */
  readonly environment: Readonly<Record<string, string>>;
  readonly extensions: readonly string[];
  /** Octal text. */
  readonly umask: string;
  readonly user: number;
  /** Seconds since 1970 by its clock. */
  readonly time: number;
}

/** Places of a site that PHP calls deprecated. */
export interface Deprecated {
  readonly count: number;
  /** The first of them: message, file and line. */
  readonly places: readonly string[];
}

/** What PHP calls deprecated while a site boots and its classes load. */
export interface Deprecations {
  /** Before Drupal is up. */
  readonly early: Deprecated;
  readonly late: Deprecated;
}

/** One queue that has a worker, as the site's cron knows it. */
export interface QueueFact {
  readonly name: string;
  /** How long cron works on it. */
  readonly seconds: number;
  /** Cron has to leave it alone. */
  readonly skip: boolean;
  /** It is kept in the table `queue`. */
  readonly table: boolean;
  /** Name of the class that keeps it. */
  readonly class: string;
  /** Why nobody can work it off; empty: one can. */
  readonly unusable: string;
  /** Its items are processes of Background Process. */
  readonly processes: boolean;
}

/** What only a booted site knows. */
export interface SiteFacts {
  readonly modules: Readonly<Record<string, ModuleFact>>;
  readonly serviceHosts: Readonly<Record<string, { readonly baseUrl: string; readonly httpHost: string }>>;
  /** Names of service hosts, by the configured group that they are in. */
  readonly serviceGroups: Readonly<Record<string, readonly string[]>>;
  /** Whether the module has the claim that came with 7.x-1.13. */
  readonly claims: boolean;
  /** Whether it has a cron run of its own. */
  readonly cron: boolean;
  /** The major version of its Ultimate Cron by what that can do; 0: it has none, or one that is not known. */
  readonly ultimateCron: 0 | 1 | 2;
  /** Seconds. */
  readonly connectionTimeout: number;
  /** Seconds that a process must have run before its status page is asked (background_process_ass_max_age). */
  readonly statusMaxAge: number;
  readonly timeZone: string;
  /** Seconds by which PHP's clock is ahead of the daemon's, as far as that is certain. */
  readonly clockAhead: number;
  readonly maintenance: boolean;
  readonly installTask: string;
  readonly cleanUrls: boolean;
  readonly lockApi: string;
  readonly boots: readonly string[];
  readonly inits: readonly string[];
  readonly listeners: readonly string[];
  readonly queues: readonly QueueFact[];
  /** Modules that are told of every line of the site's log. */
  readonly watchers: readonly string[];
  /** Cache backends named in settings.php, such as those of Redis or memcache. */
  readonly cacheBackends: readonly string[];
  readonly sessionApi: string;
  /** Whether visitors use the site over http and https at the same time. */
  readonly mixedHttps: boolean;
  /** Whether pages set the cookie by which batches know JavaScript. */
  readonly jsCookie: boolean;
  /** User number that owns the public files; -1: unknown. */
  readonly filesOwner: number;
  /** Implementations of hook_boot and hook_init that can end a request. */
  readonly suspects: readonly string[];
  readonly surroundings: Surroundings;
  readonly columns: readonly string[];
  readonly php: {
    readonly version: string;
    readonly memoryLimit: string;
    readonly disabled: string;
    readonly openBasedir: string;
    readonly opcache: boolean;
    /** Functions that forking needs and that are missing or disabled. */
    readonly missing: readonly string[];
    readonly extensions: readonly string[];
    readonly user: number;
  };
}

/** One site folder of one root, with its database. */
export interface SiteDescription {
  readonly settings: SiteSettings;
  readonly facts: SiteFacts;
}
