import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, giveTo } from './account.js';
import { ServerProcess } from './server-process.js';

/** How a server on a socket is started. */
export interface SocketServerWish {
  /** Name in messages, and the beginning of its folder's. */
  readonly name: string;
  readonly file: string;
  /** Folder of the test run. */
  readonly within: string;
  /** Owner of its folder. */
  readonly account: Account;
  /** Whether it starts as that account; else it switches by itself. */
  readonly asAccount: boolean;
  /** Prepares its folder; the arguments. */
  readonly args: (folder: string, socket: string) => Promise<readonly string[]> | readonly string[];
}

/** A private server on a socket in a folder of its own. */
export class SocketServer {
  readonly socket: string;
  readonly #server: ServerProcess;
  readonly #folder: string;

  private constructor(server: ServerProcess, folder: string, socket: string) {
    this.#server = server;
    this.#folder = folder;
    this.socket = socket;
  }

  /** Starts it and waits until its socket is there. */
  static async start(wish: SocketServerWish): Promise<SocketServer> {
    const { name, file, within, account } = wish;
    const folder = await mkdtemp(join(within, `${name}-`));
    await giveTo(account, folder);
    const socket = join(folder, 'socket');
    const server = await ServerProcess.start({
      name,
      file,
      args: await wish.args(folder, socket),
      cwd: folder,
      ...(wish.asAccount ? { account } : {}),
      ready: () => existsSync(socket),
    });
    return new SocketServer(server, folder, socket);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
