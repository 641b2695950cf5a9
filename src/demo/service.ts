import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { spawnAs, type Account } from './account.js';
import type { PrivateFolder } from './private-folder.js';

/** How a long-lived program of the demo is started. */
export interface ServiceOptions {
  /** Name in messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Account to switch to; without one the program starts as the caller. */
  readonly account?: Account;
  /** File that gets everything that it writes. */
  readonly log: string;
  readonly onLine?: (line: string) => void;
}

/** A long-lived program, in a session of its own so that a terminal's Ctrl-C does not end it out of turn. */
export class Service {
  readonly name: string;
  readonly pid: number;
  /** Resolves with one sentence when it has ended, wanted or not. */
  readonly ended: Promise<string>;

  private constructor(name: string, child: ChildProcess, pid: number, lastWords: () => string) {
    this.name = name;
    this.pid = pid;
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve(`${name} ended (${signal ?? `exit code ${String(code)}`}).\n${lastWords()}`.trim());
      });
    });
  }

  /** Starts the program and writes it into the folder's ledger. @throws Error when it cannot be started */
  static async start(folder: PrivateFolder, options: ServiceOptions): Promise<Service> {
    const child = spawn(options.file, [...options.args], {
      cwd: folder.path,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...(options.account === undefined ? {} : spawnAs(options.account)),
    });
    const log = createWriteStream(options.log, { flags: 'a', mode: 0o600 });
    const last: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        last.push(line.slice(0, 500));
        if (last.length > 10) last.shift();
        options.onLine?.(line);
      });
    }
    child.once('close', () => log.end());
    const failed = new Promise<never>((_resolve, reject) => {
      child.once('error', (error) => {
        reject(new Error(`${options.name} cannot be started: ${error.message}`));
      });
    });
    const { pid } = child;
    if (pid === undefined) return failed;
    failed.catch(() => undefined);
    await folder.note(pid);
    return new Service(options.name, child, pid, () => last.join('\n'));
  }
}
