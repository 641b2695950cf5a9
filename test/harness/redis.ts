import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo, testAccount } from './account.js';
import { ServerProcess } from './server-process.js';

const program = '/usr/bin/redis-server';

/** Whether this machine has Redis. */
export function hasRedis(): boolean {
  return existsSync(program);
}

/** A private Redis that keeps nothing on disk, on a socket in a folder of its own. */
export class RedisServer {
  readonly socket: string;
  readonly #server: ServerProcess;
  readonly #folder: string;

  private constructor(server: ServerProcess, folder: string, socket: string) {
    this.#server = server;
    this.#folder = folder;
    this.socket = socket;
  }

  /** Starts one as the account of the sites and waits until its socket is there. */
  static async start(within: string): Promise<RedisServer> {
    const folder = await mkdtemp(join(within, 'redis-'));
    const account = testAccount();
    await giveTo(account, folder);
    const socket = join(folder, 'redis.sock');
    const server = await ServerProcess.start({
      name: 'Redis',
      file: program,
      args: ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', folder],
      cwd: folder,
      account,
      ready: () => existsSync(socket),
    });
    return new RedisServer(server, folder, socket);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
