import { type ChildProcess, spawn } from 'node:child_process';
import { type Account, spawnAs } from './account.js';
import { ended } from './program.js';
import { waitFor } from './wait.js';

/** How a server of the tests is started in the foreground. */
export interface ServerWish {
  /** Name in messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Account to switch to; without one it starts as the caller. */
  readonly account?: Account;
  readonly ready: () => boolean | Promise<boolean>;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A server in the foreground, in a group of its own, which some servers signal as a whole. */
export class ServerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it and waits until it is ready. @throws Error with its own words when it ends before */
  static async start(wish: ServerWish): Promise<ServerProcess> {
    const child = spawn(wish.file, [...wish.args], {
      cwd: wish.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: { PATH, LANG: 'C' },
      ...(wish.account === undefined ? {} : spawnAs(wish.account)),
    });
    let said = '';
    const listen = (chunk: Buffer): void => {
      said = (said + chunk.toString('utf8')).slice(-4000);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', listen);
    await waitFor(
      () => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) {
          throw new Error(`${wish.name} ended: ${said}`);
        }
        return wish.ready();
      },
      { what: `${wish.name} to be ready`, seen: () => said },
    );
    return new ServerProcess(child);
  }

  /** Sends a signal to the server itself. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it and waits for its end. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
    }
    await ended(this.#child);
  }
}
