import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Account, giveTo, testAccount } from './account.js';
import { freePort } from './mariadb.js';
import { projectFolder } from './paths.js';
import { ended, type ProgramResult, runProgram } from './program.js';
import { waitFor } from './wait.js';

/** How a test wants its daemon. */
export interface DaemonOptions {
  readonly sites: readonly { readonly root: string; readonly uris: readonly string[] }[];
  /** Folder below which the state folder is made. */
  readonly folder: string;
  readonly port?: number;
  readonly slots?: number;
  readonly isolation?: 'process' | 'fresh' | 'shared' | 'cold';
  /** Least weight of the lines that it logs; `debug` unless told. */
  readonly logLevel?: string;
  /** Seconds that running work gets at SIGTERM. */
  readonly graceSeconds?: number;
  /** Path of a configuration file. */
  readonly config?: string;
  /** The state folder of an earlier daemon. */
  readonly stateDir?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: readonly string[];
  /** Leaves `--user` out although tests run as root. */
  readonly asRoot?: boolean;
  /** Descriptor of a listening socket that it gets as from a service manager; then it begins at go(). */
  readonly listener?: number;
  /** False: do not wait for the ready line. */
  readonly awaitReady?: boolean;
}

/** One line of the daemon's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly event?: string };

const MAIN = join(projectFolder(), 'dist/cli/main.js');

/** Runs `drupald ARGS` as the caller and keeps what it said. */
export function drupald(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
  return runProgram(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
}

/** A daemon under test. */
export class Daemon {
  readonly port: number;
  readonly stateDir: string;
  readonly lines: LogLine[] = [];
  /** Everything that the daemon wrote, also what is no JSON. */
  output = '';
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, stateDir: string) {
    this.#child = child;
    this.port = port;
    this.stateDir = stateDir;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) {
        createInterface({ input: stream }).on('line', (line) => {
          this.#read(line);
        });
      }
    }
  }

  /** Starts `drupald serve` and waits until it says that it is ready. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    if (!existsSync(MAIN)) {
      throw new Error('dist/cli/main.js is missing: run `npm run build` first.');
    }
    const account = testAccount();
    const port = options.port ?? (await freePort());
    const stateDir = options.stateDir ?? (await newStateDir(options.folder, account));
    const handed = options.listener !== undefined;
    const child = spawn(
      handed ? '/bin/sh' : process.execPath,
      [
        // As a service manager does: the variable names the very process that is to listen.
        ...(handed ? ['-c', 'read go; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', process.execPath] : []),
        MAIN,
        'serve',
        ...options.sites.flatMap((site) => ['--root', site.root, ...site.uris.flatMap((uri) => ['--uri', uri])]),
        '--listen',
        `127.0.0.1:${port}`,
        '--state-dir',
        stateDir,
        '--log-format',
        'json',
        '--log-level',
        options.logLevel ?? 'debug',
        ...(account.switched && options.asRoot !== true ? ['--user', account.name] : []),
        ...(options.slots === undefined ? [] : ['--slots', String(options.slots)]),
        ...(options.isolation === undefined ? [] : ['--isolation', options.isolation]),
        ...(options.graceSeconds === undefined ? [] : ['--grace', String(options.graceSeconds)]),
        ...(options.config === undefined ? [] : ['--config', options.config]),
        ...(options.flags ?? []),
      ],
      {
        stdio: [handed ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(handed ? [options.listener] : [])],
        env: { ...process.env, ...options.env },
      },
    );
    const daemon = new Daemon(child, port, stateDir);
    if (options.awaitReady !== false && !handed) {
      await daemon.logged((line) => line.event === 'daemon.ready', 'daemon.ready');
    }
    return daemon;
  }

  #read(line: string): void {
    this.output += `${line}\n`;
    try {
      const parsed: unknown = JSON.parse(line);
      if (typeof parsed === 'object' && parsed !== null) {
        this.lines.push(parsed as LogLine);
      }
    } catch {
      // Not every line need be JSON, for instance an error before the log is open; `output` keeps it.
    }
  }

  /** Lets one begin that was given a listener, and waits until it is ready. */
  async go(): Promise<void> {
    this.#child.stdin?.end('\n');
    await this.logged((line) => line.event === 'daemon.ready', 'daemon.ready');
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Waits for a log line, also one that was written before. */
  async logged(matches: (line: LogLine) => boolean, what: string): Promise<LogLine> {
    return await waitFor(
      () => {
        const found = this.lines.find(matches);
        if (found === undefined && (this.exitCode !== null || this.#child.signalCode !== null)) {
          throw new Error(`The daemon ended (${this.exitCode}) before ${what}:\n${this.output}`);
        }
        return found;
      },
      { what: `log line ${what}`, seen: () => this.output.slice(-3000) },
    );
  }

  /** Waits until the daemon has ended by itself; its exit code. */
  async exited(): Promise<number | null> {
    await ended(this.#child);
    return this.exitCode;
  }

  /** Sends SIGTERM without waiting. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Ends the daemon as a service manager would and waits. Safe to call twice. */
  async stop(): Promise<number | null> {
    if (this.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
    }
    return await this.exited();
  }

  /** Kills the daemon without a chance to tidy up. */
  async kill9(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
  }

  /** What `drupald ps --json` shows. */
  async ps(): Promise<Record<string, unknown>> {
    const result = await drupald(['ps', '--json', '--state-dir', this.stateDir]);
    if (result.code !== 0) {
      throw new Error(`ps ended with ${result.code}: ${result.stderr}`);
    }
    return JSON.parse(result.stdout) as Record<string, unknown>;
  }

  /** Removes the state folder; call it after the daemon's end. */
  async forget(): Promise<void> {
    // A process that forks may leave an exit there at this moment.
    await rm(this.stateDir, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** A new state folder that belongs to the account. */
export async function newStateDir(folder: string, account: Account = testAccount()): Promise<string> {
  const stateDir = await mkdtemp(join(folder, 'state-'));
  await chmod(stateDir, 0o755);
  await giveTo(account, stateDir);
  return stateDir;
}
