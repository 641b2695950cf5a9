import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { BootedSite } from './booted-site.js';
import type { Caller } from './caller.js';
import { Daemon, type DaemonOptions } from './daemon.js';
import { freePort, MariaDb } from './mariadb.js';
import { openSuite } from './describe-sites.js';
import { newHandle } from './run.js';
import type { SiteKind } from './site.js';
import { SlowProxy } from './slow-proxy.js';
import type { Suite } from './suite.js';
import type { CopyOptions } from './template.js';

/** A site, a daemon that serves it and a caller that starts processes, shared by the tests of one block. */
export interface Bench {
  readonly suite: Suite;
  readonly site: BootedSite;
  readonly daemon: Daemon;
  readonly caller: Caller;
  /** With `slowProxy`. */
  readonly proxy: SlowProxy;
  /** Replaces the daemon, on the same port and with the same state folder. */
  restart(options?: Partial<DaemonOptions>): Promise<Daemon>;
}

/** Options of a bench. */
export interface BenchOptions {
  readonly site?: CopyOptions;
  readonly daemon?: Partial<Omit<DaemonOptions, 'sites' | 'folder'>>;
  /** A database server of the site's own, for tests that take it away or change how it behaves: `site.server`. */
  readonly ownServer?: boolean;
  /** A proxy between the site and its database, which can make every statement slow. */
  readonly slowProxy?: boolean;
  /** Path below the daemon's address that service host `default` gets. */
  readonly basePath?: string;
}

/** Registers set-up and tear-down for a block of tests; the fields may be used in tests only. */
export function prepareBench(kind: SiteKind, options: BenchOptions = {}): Bench {
  let suite: Suite | undefined;
  let server: MariaDb | undefined;
  let site: BootedSite | undefined;
  let daemon: Daemon | undefined;
  let proxy: SlowProxy | undefined;
  let caller: Caller | undefined;

  const have = <T>(thing: T | undefined, name: string): T => {
    if (thing === undefined) {
      throw new Error(`The bench has no ${name} yet.`);
    }
    return thing;
  };

  beforeAll(async () => {
    suite = await openSuite();
    if (options.ownServer === true) {
      server = await MariaDb.start(join(suite.folder, newHandle('mariadb')));
    }
    site = await suite.site(kind, { ...options.site, ...(server === undefined ? {} : { server }) });
    if (options.slowProxy === true) {
      proxy = await SlowProxy.start(site.database.port);
      await site.reachDatabaseAt(proxy.port);
    }
    const port = options.daemon?.port ?? (await freePort());
    await site.setServiceHost(
      `http://127.0.0.1:${port}${options.basePath ?? ''}`,
      new URL(site.uris[0] ?? 'http://site.test').host,
    );
    daemon = await Daemon.start({
      ...options.daemon,
      port,
      sites: [{ root: site.root, uris: site.uris }],
      folder: suite.folder,
    });
    caller = await site.caller();
  }, 120_000);

  afterAll(async () => {
    try {
      await daemon?.stop();
      await daemon?.forget();
      await site?.close();
      await proxy?.close();
    } finally {
      // Nobody else would end them.
      await server?.remove();
      await suite?.close();
    }
  }, 60_000);

  return {
    get suite() {
      return have(suite, 'suite');
    },
    get site() {
      return have(site, 'site');
    },
    get daemon() {
      return have(daemon, 'daemon');
    },
    get proxy() {
      return have(proxy, 'proxy');
    },
    get caller() {
      return have(caller, 'caller');
    },
    async restart(change = {}) {
      const before = have(daemon, 'daemon');
      await before.stop();
      daemon = await Daemon.start({
        ...options.daemon,
        ...change,
        port: before.port,
        stateDir: change.stateDir ?? before.stateDir,
        sites: change.sites ?? [{ root: have(site, 'site').root, uris: have(site, 'site').uris }],
        folder: have(suite, 'suite').folder,
      });
      return daemon;
    },
  };
}
