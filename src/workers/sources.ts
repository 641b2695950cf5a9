import { BaseComponent } from '../components/component.js';
import { fail } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { startError, startPhp, type PhpOptions } from './php-command.js';
import { Root } from './root.js';
import type { WorkerSocket } from './worker-socket.js';
import { killGroup, type Worker, type WorkerSource } from './worker.js';

/** Isolation `fresh`: each worker is a child of a root, with a bootstrap of its own. */
export class RootSource extends BaseComponent implements WorkerSource {
  readonly name = 'root-source';
  readonly #socket: WorkerSocket;
  readonly #options: PhpOptions;
  readonly #bus: EventBus;
  #current: Promise<Root> | undefined;

  constructor(socket: WorkerSocket, options: PhpOptions, bus: EventBus) {
    super();
    this.#socket = socket;
    this.#options = options;
    this.#bus = bus;
  }

  /** A forked worker; starts a root first when there is none. */
  async worker(run: string): Promise<Worker> {
    const root = await this.#root();
    return root.fork(run);
  }

  protected override async onStart(): Promise<void> {
    const root = await this.#root();
    if (!root.canFork) {
      throw fail('PHP_UNUSABLE', {
        php: this.#options.php,
        root: this.#options.root,
        reason: 'it lacks pcntl or posix, or they are disabled; use isolation "cold"',
      });
    }
  }

  protected override async onStop(): Promise<void> {
    const root = await this.#current?.catch(() => undefined);
    root?.quit();
    if (root?.children === 0) {
      await root.exited;
    }
  }

  #root(): Promise<Root> {
    this.#current ??= this.#launch();
    return this.#current;
  }

  async #launch(): Promise<Root> {
    try {
      const root = await Root.start(this.#socket, this.#options);
      this.#bus.emit('root.started', { pid: root.pid, root: this.#options.root });
      root.onFull = (what) => this.#replace(root, what);
      void root.exited.then(() => {
        if (this.state === 'starting' || this.state === 'started') {
          this.#bus.emit('root.exited', { pid: root.pid, root: this.#options.root });
        }
        this.#forget(root);
      });
      return root;
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  /** The old root only reaps from now on; the next worker comes from a new one. */
  #replace(root: Root, what: string): void {
    this.#bus.emit('root.replaced', { pid: root.pid, root: this.#options.root, reason: `opcache ${what} nearly full` });
    this.#forget(root);
    root.quit();
  }

  #forget(root: Root): void {
    const current = this.#current;
    void current?.then(
      (value) => {
        if (value === root && this.#current === current) {
          this.#current = undefined;
        }
      },
      () => undefined,
    );
  }
}

/** Isolation `cold`: one PHP per run, for a PHP that cannot fork. */
export class ColdSource extends BaseComponent implements WorkerSource {
  readonly name = 'cold-source';
  readonly #socket: WorkerSocket;
  readonly #options: PhpOptions;

  constructor(socket: WorkerSocket, options: PhpOptions) {
    super();
    this.#socket = socket;
    this.#options = options;
  }

  async worker(run: string): Promise<Worker> {
    const expectation = this.#socket.expect();
    const php = startPhp(this.#options, {
      mode: 'worker',
      socket: this.#socket.path,
      secret: expectation.secret,
      title: run,
    });
    const early = php.exited.then((exit) => {
      throw startError(this.#options, exit);
    });
    early.catch(() => undefined);
    try {
      const connection = await Promise.race([expectation.connected, early]);
      const pid = connection.hello.pid;
      return {
        pid,
        connection,
        ended: php.exited.then((exit) => ({ code: exit.code, signal: exit.signal, seen: true })),
        kill: (signal) => killGroup(pid, signal),
      };
    } catch (error) {
      expectation.cancel(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
  }

  protected override onStart(): void {
    // Nothing to keep: every run starts its own PHP.
  }

  protected override onStop(): void {
    // Running workers go on.
  }
}
