import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, giveTo } from './account.js';
import { ServerProcess } from './server-process.js';

/** Path of the program, if this machine has it. */
export function phpFpm(): string | undefined {
  const name = readdirSync('/usr/sbin').find((entry) => /^php-fpm[\d.]*$/.test(entry));
  return name === undefined ? undefined : `/usr/sbin/${name}`;
}

/** A private PHP-FPM with one pool of the account, on a socket of its own. */
export class PhpFpm {
  readonly socket: string;
  readonly #server: ServerProcess;
  readonly #folder: string;

  private constructor(server: ServerProcess, folder: string, socket: string) {
    this.#server = server;
    this.#folder = folder;
    this.socket = socket;
  }

  /** Starts one and waits until its socket is there. */
  static async start(options: { readonly account: Account; readonly folder: string }): Promise<PhpFpm> {
    const { account } = options;
    const folder = await mkdtemp(join(options.folder, 'fpm-'));
    await giveTo(account, folder);
    const socket = join(folder, 'php.sock');
    const file = join(folder, 'fpm.conf');
    const owner = account.switched
      ? [`user = ${account.name}`, `group = ${account.gid}`, `listen.owner = ${account.name}`]
      : [];
    await writeFile(
      file,
      [
        '[global]',
        `error_log = ${folder}/error.log`,
        'daemonize = no',
        '[site]',
        ...owner,
        `listen = ${socket}`,
        'pm = static',
        'pm.max_children = 6',
        '',
      ].join('\n'),
    );
    const server = await ServerProcess.start({
      name: 'PHP-FPM',
      file: phpFpm() ?? 'php-fpm',
      args: ['--nodaemonize', '--fpm-config', file],
      cwd: folder,
      ready: () => existsSync(socket),
    });
    return new PhpFpm(server, folder, socket);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
