import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, giveTo, testAccount } from './account.js';
import { freePort } from './mariadb.js';
import { runProgram } from './program.js';
import { ServerProcess } from './server-process.js';

/** A private Redis on a port, in a folder of its own, that writes every change to its disk at once. */
export class RedisServer {
  readonly port: number;
  readonly password: string;
  readonly #folder: string;
  readonly #account: Account;
  #server: ServerProcess | undefined;

  private constructor(folder: string, port: number, account: Account, password: string) {
    this.#folder = folder;
    this.port = port;
    this.#account = account;
    this.password = password;
  }

  /** Makes its folder, and starts it. */
  static async start(within: string, password: string): Promise<RedisServer> {
    const account = testAccount();
    const folder = await mkdtemp(join(within, 'redis-server-'));
    await giveTo(account, folder);
    const redis = new RedisServer(folder, await freePort(), account, password);
    await redis.up();
    return redis;
  }

  /** As the setting of a daemon has it. */
  get url(): string {
    return `redis://:${encodeURIComponent(this.password)}@127.0.0.1:${this.port}/2`;
  }

  /** Starts it with what is on its disk. */
  async up(): Promise<void> {
    this.#server = await ServerProcess.start({
      name: 'redis-server',
      file: '/usr/bin/redis-server',
      cwd: this.#folder,
      account: this.#account,
      args: [
        ...['--port', String(this.port), '--bind', '127.0.0.1', '--requirepass', this.password],
        ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--dir', this.#folder],
      ],
      ready: async () => (await this.ask('PING')) === 'PONG',
    });
  }

  /** Ends it as a crash would. */
  async down(): Promise<void> {
    this.#server?.signal('SIGKILL');
    await this.#server?.stop();
  }

  /** It neither answers nor ends. */
  freeze(): void {
    this.#server?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#server?.signal('SIGCONT');
  }

  /** Loses all that is on its disk; to be called when it is down. */
  async lose(): Promise<void> {
    await rm(join(this.#folder, 'appendonlydir'), { recursive: true, force: true });
  }

  /** What it answers to a command. */
  async ask(...command: string[]): Promise<string> {
    const { stdout } = await runProgram('/usr/bin/redis-cli', ['-p', String(this.port), '-n', '2', ...command], {
      env: { ...process.env, REDISCLI_AUTH: this.password },
    });
    return stdout.trim();
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
