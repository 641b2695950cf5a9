import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo } from '../harness/account.js';
import type { BootedSite } from '../harness/booted-site.js';
import { Daemon, type DaemonOptions, newStateDir } from '../harness/daemon.js';
import { isDead } from '../harness/leftovers.js';
import { freePort, MariaDb } from '../harness/mariadb.js';
import { realDrupal } from '../harness/paths.js';
import { installReal } from '../harness/real-site.js';
import type { SiteKind } from '../harness/site.js';
import { installStandIn } from '../harness/stand-in.js';
import type { Suite } from '../harness/suite.js';
import { copySite } from '../harness/template.js';
import { temporaryFolder } from '../harness/up-site.js';
import { Violence } from './violence.js';

/** Where something is tortured. */
export interface ArenaOptions {
  readonly kind: SiteKind;
  readonly slots: number;
  /** Text of the daemon's configuration file. */
  readonly config?: string;
  /** Variables of the site. */
  readonly conf?: Readonly<Record<string, unknown>>;
  /** A suite that has the site already; without one it is installed. */
  readonly suite?: Suite | undefined;
}

/** A site with a server and a daemon of its own, which may be killed. */
export interface Arena {
  readonly site: BootedSite;
  readonly violence: Violence;
  /** Folder into which the site writes what happens. */
  readonly evidence: string;
}

/** Builds an arena, does something in it and leaves nothing behind. */
export async function inArena<T>(options: ArenaOptions, perform: (arena: Arena) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder('torture');
  const server = await MariaDb.start(join(folder, 'mariadb'), { durable: true });
  let violence: Violence | undefined;
  let site: BootedSite | undefined;
  try {
    site = await siteOf(options, server, folder);
    const evidence = join(folder, 'evidence');
    await mkdir(evidence);
    await chmod(evidence, 0o777);
    await giveTo(site.account, evidence);
    const port = await freePort();
    await site.configure({
      conf: { drupald_fixture_evidence: evidence, file_temporary_path: '/tmp', ...hosts(port), ...options.conf },
    });
    const config = join(folder, 'drupald.yml');
    await writeFile(config, options.config ?? '');
    const daemonOptions: DaemonOptions = {
      sites: [{ root: site.root, uris: site.uris }],
      folder,
      port,
      slots: options.slots,
      stateDir: await newStateDir(folder),
      ...(options.config === undefined ? {} : { config }),
    };
    const daemon = await Daemon.start(daemonOptions);
    violence = new Violence(daemon, daemonOptions, server, site.root);
    return await perform({ site, violence, evidence });
  } finally {
    await violence?.settled().catch(() => undefined);
    await violence?.daemon.stop();
    for (const { pid } of violence?.processes.all() ?? []) {
      if (!isDead(pid)) {
        process.kill(pid, 'SIGKILL');
      }
    }
    await site?.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function siteOf({ kind, suite }: ArenaOptions, server: MariaDb, folder: string): Promise<BootedSite> {
  if (suite) {
    return suite.site(kind, { server });
  }
  const source = realDrupal();
  if (kind === 'real' && source === undefined) {
    throw new Error('No real Drupal 7 here: name one with --root.');
  }
  const template =
    kind === 'real' && source !== undefined
      ? await installReal(source, server, folder)
      : await installStandIn(server, folder);
  return copySite(template, server, folder, {});
}

function hosts(port: number): Record<string, unknown> {
  return {
    background_process_service_hosts: { default: { base_url: `http://127.0.0.1:${port}`, http_host: 'site.test' } },
  };
}

/** Processes that a daemon at rest does not have: runs and helpers, and what an earlier daemon has left. */
export function strangers(violence: Violence): string[] {
  const { pid } = violence.daemon;
  const own = new Set(violence.processes.below(pid));
  return violence.processes
    .all(pid)
    .filter((found) => found.role === 'worker' || found.role === 'other' || !own.has(found.pid))
    .map((found) => `${found.pid} ${found.title}`);
}
