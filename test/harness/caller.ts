import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Account, spawnAs } from './account.js';
import { phpFixture } from './paths.js';
import { ended, PHP_FLAGS } from './program.js';

/** How a caller presents itself to the site. */
export interface CallerOptions {
  /** The site's address that the imagined browser used. */
  readonly uri?: string;
  /** Further request headers of the imagined page, for instance `Cookie`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Path and query of the imagined page. */
  readonly requestUri?: string;
  /** Further environment of its process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A callback as the module takes it; `php` is an expression that is evaluated in the caller. */
export type Callback = string | readonly [string, string] | { readonly php: string };

/** Arguments as JSON values, or a PHP expression that gives the argument array. */
export type Arguments = readonly unknown[] | { readonly php: string };

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** A PHP process that booted a site as a page request would and starts processes through the module. */
export class Caller {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #errors = '';
  #gone: Error | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-8000);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString('utf8')).slice(-8000);
    });
    child.stdin?.on('error', () => undefined);
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      this.#answer(line);
    });
    child.once('close', (code, signal) => {
      this.#gone = new Error(`The caller ended (${code ?? signal}): ${this.#errors}`);
      for (const pending of this.#pending.values()) {
        pending.reject(this.#gone);
      }
      this.#pending.clear();
    });
  }

  /** Boots the site in a new PHP process. @throws Error with PHP's own words when the boot fails. */
  static async start(
    site: { root: string; uris: readonly string[]; account: Account },
    options: CallerOptions = {},
  ): Promise<Caller> {
    const child = spawn('php', [...PHP_FLAGS, '-d', 'variables_order=EGPCS', fileURLToPath(phpFixture('caller.php'))], {
      cwd: site.root,
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        LANG: 'C.UTF-8',
        ...options.env,
        CALLER_ROOT: site.root,
        CALLER_REQUEST: JSON.stringify({
          uri: options.uri ?? site.uris[0],
          headers: options.headers ?? {},
          requestUri: options.requestUri ?? '/',
        }),
      },
      ...spawnAs(site.account),
    });
    const caller = new Caller(child);
    await caller.#send('ready', {});
    return caller;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  #answer(line: string): void {
    const message = JSON.parse(line) as { id: number; result?: unknown; error?: string };
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error !== undefined) {
      pending?.reject(new Error(message.error));
    } else {
      pending?.resolve(message.result);
    }
  }

  #send<T>(op: string, body: Record<string, unknown>): Promise<T> {
    if (this.#gone !== undefined) {
      return Promise.reject(this.#gone);
    }
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, {
        resolve: (value) => {
          resolve(value as T);
        },
        reject,
      });
      this.#child.stdin?.write(`${JSON.stringify({ id, op, ...body })}\n`);
    });
  }

  /** background_process_start(): the handle, or what the module returned instead of one. */
  start(callback: Callback, args: Arguments = [], options: { uid?: number } = {}): Promise<string | false | null> {
    return this.#send('start', { callback, args, ...options });
  }

  /** background_process_start_locked(). */
  startLocked(
    handle: string,
    callback: Callback,
    args: Arguments = [],
    options: { uid?: number } = {},
  ): Promise<string | false | null> {
    return this.#send('startLocked', { handle, callback, args, ...options });
  }

  /** Starts one process per entry, as fast as the module can; the handles in order. */
  startMany(
    starts: readonly { callback: Callback; args?: Arguments; handle?: string; uid?: number }[],
  ): Promise<(string | false | null)[]> {
    return this.#send('startMany', { starts });
  }

  /** background_process_queue(). */
  queue(callback: Callback, args: Arguments = []): Promise<unknown> {
    return this.#send('queue', { callback, args });
  }

  /** Runs PHP code in the booted site with `$args`; the value that the code returns, as JSON. */
  php<T>(code: string, args: unknown = null): Promise<T> {
    return this.#send('php', { code, args });
  }

  /** Ends the process and waits for its end. Safe to call twice. */
  async close(): Promise<void> {
    this.#child.stdin?.end();
    await ended(this.#child);
  }
}
