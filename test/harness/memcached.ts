import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo, testAccount } from './account.js';
import { ServerProcess } from './server-process.js';

const program = '/usr/bin/memcached';

/** Whether this machine has memcached. */
export function hasMemcached(): boolean {
  return existsSync(program);
}

/** A private memcached on a socket in a folder of its own. */
export class MemcachedServer {
  readonly socket: string;
  readonly #server: ServerProcess;
  readonly #folder: string;

  private constructor(server: ServerProcess, folder: string, socket: string) {
    this.#server = server;
    this.#folder = folder;
    this.socket = socket;
  }

  /** Starts one as the account of the sites and waits until its socket is there. */
  static async start(within: string): Promise<MemcachedServer> {
    const folder = await mkdtemp(join(within, 'memcached-'));
    const account = testAccount();
    await giveTo(account, folder);
    const socket = join(folder, 'memcached.sock');
    const server = await ServerProcess.start({
      name: 'memcached',
      file: program,
      args: ['-s', socket, '-m', '64', '-U', '0'],
      cwd: folder,
      account,
      ready: () => existsSync(socket),
    });
    return new MemcachedServer(server, folder, socket);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
