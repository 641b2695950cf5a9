import { createServer, type Server } from 'node:http';
import type { BootedSite } from './booted-site.js';
import { Daemon, type DaemonOptions } from './daemon.js';
import { descendants, isDead } from './leftovers.js';
import { freePort } from './mariadb.js';
import type { Suite } from './suite.js';
import { waitFor } from './wait.js';

/** A member of a pool: a service host of the site and the daemon that serves it. */
export interface Member {
  readonly host: string;
  readonly port: number;
  daemon: Daemon;
}

/** Variables of a site with these service hosts, by their ports, in one group. */
export function poolConf(ports: Readonly<Record<string, number>>): Record<string, unknown> {
  const hosts = Object.entries(ports).flatMap(([name, port]) => {
    const base = `http://127.0.0.1:${port}`;
    return [
      [name, { base_url: base, http_host: 'site.test' }],
      [`${name}_ass`, { base_url: `${base}/server-status`, http_host: 'site.test' }],
    ];
  });
  return {
    file_temporary_path: '/tmp',
    background_process_connection_timeout: 0.5,
    background_process_service_hosts: Object.fromEntries(hosts) as object,
    background_process_service_groups: { default: { hosts: Object.keys(ports) } },
  };
}

/** Starts processes under one service host; TRUE, FALSE or NULL of the module for each. */
export function startUnder(
  site: BootedSite,
  host: string,
  callback: string,
  handles: readonly string[],
  args: readonly unknown[] = [],
): Promise<unknown[]> {
  return site.php<unknown[]>(
    `$answers = array();
     foreach ($args[2] as $handle) {
       $process = new BackgroundProcess($handle);
       $process->service_host = $args[0];
       $answers[] = $process->start($args[1], $args[3]);
     }
     return $answers;`,
    [host, callback, handles, args],
  );
}

/** Several daemons of one site, each with a service host and a state folder of its own. */
export class Pool {
  readonly members: readonly Member[];
  /** The variables in settings.php. */
  readonly conf: Readonly<Record<string, unknown>>;
  readonly #site: BootedSite;
  readonly #options: Omit<DaemonOptions, 'port' | 'stateDir'>;

  private constructor(
    site: BootedSite,
    members: readonly Member[],
    conf: Readonly<Record<string, unknown>>,
    options: DaemonOptions,
  ) {
    this.conf = conf;
    this.#site = site;
    this.members = members;
    this.#options = options;
  }

  /**
   * Puts the service hosts into settings.php and starts their daemons.
   *
   * @param more further service hosts of the group, by their port
   * @param conf further variables
   */
  static async start(
    site: BootedSite,
    suite: Suite,
    hosts: readonly string[],
    {
      more = {},
      conf = {},
      ...options
    }: Partial<DaemonOptions> & { more?: Record<string, number>; conf?: object } = {},
  ): Promise<Pool> {
    const ports = Object.fromEntries(await Promise.all(hosts.map(async (host) => [host, await freePort()] as const)));
    const all = { ...ports, ...more };
    const variables = { ...poolConf(all), ...conf };
    await site.configure({ conf: variables });
    const sites = [{ root: site.root, uris: site.uris }];
    const common: DaemonOptions = { sites, folder: suite.folder, ...options };
    const members: Member[] = [];
    for (const host of hosts) {
      const port = ports[host] ?? 0;
      members.push({ host, port, daemon: await Daemon.start({ ...common, port }) });
    }
    return new Pool(site, members, variables, common);
  }

  member(host: string): Member {
    const found = this.members.find((member) => member.host === host);
    if (found === undefined) throw new Error(`The pool has no ${host}.`);
    return found;
  }

  /** Starts processes under one service host; TRUE, FALSE or NULL of the module for each. */
  start(host: string, callback: string, handles: readonly string[], args: readonly unknown[] = []): Promise<unknown[]> {
    return startUnder(this.#site, host, callback, handles, args);
  }

  /** As if its machine had died: daemon and workers are gone at once. */
  async perish(host: string): Promise<void> {
    const { daemon } = this.member(host);
    const pids = descendants(daemon.pid);
    await daemon.kill9();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended with the daemon.
      }
    }
    await waitFor(() => pids.every(isDead), { what: `all processes of ${host} to end` });
  }

  /** Starts the daemon of a host anew in its state folder. */
  async revive(host: string): Promise<void> {
    const member = this.member(host);
    const { stateDir } = member.daemon;
    member.daemon = await Daemon.start({ ...this.#options, port: member.port, stateDir });
  }

  /** Log lines of all members, with this event and handle. */
  said(event: string, handle: string): string[] {
    return this.members.flatMap(({ host, daemon }) =>
      daemon.lines.filter((line) => line.event === event && line['handle'] === handle).map(() => host),
    );
  }

  /** The member that has ended a process; waits until its log says so. */
  async endedBy(handle: string): Promise<string> {
    return await waitFor(() => this.said('run.ended', handle)[0], { what: `a member to end ${handle}` });
  }

  async stop(): Promise<void> {
    for (const { daemon } of this.members) {
      if (daemon.exitCode === null && !isDead(daemon.pid)) process.kill(daemon.pid, 'SIGCONT');
      await daemon.stop();
      await daemon.forget();
    }
  }
}

/** A server in the place of a daemon that takes every connection: it answers 503, or never. */
export async function uselessServer(answers: boolean): Promise<{ readonly port: number; stop(): void }> {
  const server: Server = createServer((_request, response) => {
    if (answers) response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
