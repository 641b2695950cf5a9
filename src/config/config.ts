import type { ListenAddress, RateRule, RetryRule } from './kinds.js';
import type { ScheduleEntry } from './schedule.js';

/** How a run is kept apart from others. */
export const isolations = ['process', 'shared', 'fresh', 'cold'] as const;

export type Isolation = (typeof isolations)[number];

/** One Drupal root and the addresses of the sites in it. */
export interface SiteConfig {
  /** Absolute path of the folder with index.php. */
  readonly root: string;
  /** Addresses as browsers show them, without a slash at the end; the first is the main one. */
  readonly uris: readonly string[];
  /** PHP program. */
  readonly php: string;
  /** PHP settings of the web server for this site. */
  readonly ini: Readonly<Record<string, string>>;
  /** Environment variables of the web server for this site. */
  readonly env: Readonly<Record<string, string>>;
  /** Octal text of four digits, such as `0022`. */
  readonly umask: string;
  /** Names of the service hosts that this daemon serves; without it they are found by base_url. */
  readonly serves?: readonly string[];
  /** Whether its cron is run here; a number: every so many milliseconds. */
  readonly cron: 'auto' | 'off' | number;
  /** Whether items of its queues are run here. */
  readonly queues: 'auto' | 'off';
}

/** What some processes get, each by a pattern; the first one that matches counts. */
export interface ProcessRules {
  /** Runs at the same time. */
  readonly slots: Readonly<Record<string, number>>;
  /** Which go first when starts wait; 0 where none is named. */
  readonly priority: Readonly<Record<string, number>>;
  /** How runs are kept apart. */
  readonly isolation: Readonly<Record<string, Isolation>>;
  /** Which are begun again after a bad end. */
  readonly retry: Readonly<Record<string, RetryRule>>;
  /** Milliseconds that a run may take. */
  readonly time: Readonly<Record<string, number>>;
  /** Bytes that a run may use. */
  readonly memory: Readonly<Record<string, number>>;
  /** Bytes that a run may print. */
  readonly output: Readonly<Record<string, number>>;
}

/** Everything that a daemon is told, checked and complete. Times are milliseconds, sizes are bytes. */
export interface Config {
  readonly listen: ListenAddress;
  /** Not empty, except for commands that only look for a daemon. */
  readonly sites: readonly SiteConfig[];
  /** What runs at set times besides the jobs of the sites, each with a name of its own. */
  readonly schedule: readonly ScheduleEntry[];
  /** User to run the code of the sites as. */
  readonly user?: string;
  /** Absolute path. */
  readonly stateDir: string;
  /** Runs at the same time. */
  readonly slots: number | 'auto';
  /** By pattern of the name of the service host. */
  readonly serviceHosts: ProcessRules;
  /** By pattern of the callback. */
  readonly callbacks: ProcessRules & {
    /** Runs at the same time on all daemons that share a backlog. */
    readonly poolSlots: Readonly<Record<string, number>>;
    /** Runs that begin in a time on all of them. */
    readonly rate: Readonly<Record<string, RateRule>>;
  };
  readonly setAside: {
    /** Crashes; 0: never. */
    readonly after: number;
    /** Milliseconds. */
    readonly within: number;
  };
  readonly cron: {
    /** Each module's hook in a process of its own. */
    readonly isolate: boolean;
  };
  readonly queues: {
    /** Workers of one queue, by pattern of its name. */
    readonly slots: Readonly<Record<string, number>>;
    /** Failures of an item. */
    readonly attempts: number;
    /** Milliseconds after the first failure. */
    readonly pause: number;
    /** Milliseconds. */
    readonly lease: number;
  };
  readonly batch: BatchRules;
  readonly kill: {
    /** Milliseconds between SIGTERM and SIGKILL. */
    readonly grace: number;
    readonly onUnlock: 'stop' | 'continue';
  };
  readonly backlog: {
    readonly max: number;
    /** Address of the Redis on which it is shared; it may hold a password. */
    readonly redis?: string;
  };
  /** Milliseconds. */
  readonly grace: number;
  readonly isolation: Isolation;
  readonly zygote: {
    /** Milliseconds. */
    readonly maxAge: number;
    /** Workers. */
    readonly spares: number;
  };
  readonly shared: {
    readonly maxRuns: number;
    /** Milliseconds. */
    readonly maxAge: number;
    /** Bytes. */
    readonly maxMemory: number;
    /** Milliseconds. */
    readonly idle: number;
  };
  readonly output: {
    /** Bytes. */
    readonly max: number;
    /** Logs. */
    readonly keep: number;
  };
  readonly history: {
    /** Milliseconds. */
    readonly maxAge: number;
    /** Runs of a site. */
    readonly maxCount: number;
  };
  /** IP addresses and networks. */
  readonly trustedProxies: readonly string[];
  readonly pool: {
    /** Milliseconds. */
    readonly takeOver: number | 'off';
    /** Milliseconds. */
    readonly shareAfter: number | 'off';
    /** Names of service hosts. */
    readonly takeOverFrom: readonly string[];
  };
  readonly requests: {
    /** Under way at the same time. */
    readonly max: number;
    /** Connections to one host. */
    readonly perHost: number;
    /** Bytes of a body that goes to no file. */
    readonly bodyMax: number;
  };
  readonly serverStatus: {
    /** IP addresses and networks that may read it, besides the loopback ones and trusted proxies. */
    readonly allow: readonly string[];
  };
  /** Milliseconds. */
  readonly lookupWait: number;
  readonly waiters: { readonly max: number };
  readonly worker: {
    /** Milliseconds. */
    readonly bootTimeout: number;
    /** Milliseconds. */
    readonly settleTimeout: number;
  };
  readonly modStatus: {
    readonly mode: ModStatusMode;
    /** Milliseconds. */
    readonly interval: number;
  };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}

/** How batches are run. */
export interface BatchRules {
  /** Milliseconds between two saves at most; `each`: every operation. */
  readonly save: number | 'each';
  readonly onFailure: 'retry' | 'skip' | 'stop';
  /** How often an operation is tried again. */
  readonly retries: number;
  /** Milliseconds that one which is done waits for a page. */
  readonly finishAfter: number;
  /** Milliseconds after which one that its browser has left is carried on; undefined: never. */
  readonly adoptAfter: number | undefined;
}

/** What is done about processes of other service hosts that their status page shows to be gone. */
export type ModStatusMode = 'unlock' | 'report' | 'off';

/** Weight of a log line. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Shape of the log; `auto` is pretty on a terminal and json elsewhere. */
export type LogFormat = 'auto' | 'pretty' | 'json';

/** `host:port` with brackets around an IPv6 address. */
export function formatListen(listen: ListenAddress): string {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return `${host}:${String(listen.port)}`;
}
