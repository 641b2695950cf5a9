import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { BaseComponent } from '../components/component.js';
import { fail } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { startError, startPhp, type PhpOptions } from './php-command.js';
import { startRoot, type Root } from './root.js';
import { Spares } from './spares.js';
import type { WorkerSocket } from './worker-socket.js';
import { killGroup, type Worker, type WorkerSource } from './worker.js';

/** Workers that are kept waiting, so that a start does not wait for a fork. */
const sparesOfRoot = 1;

/** Milliseconds that a root gets to end before it is left to its running children. */
const leaveTime = 500;

/** Isolation `fresh`: each worker is a child of a root, with a bootstrap of its own. */
export class RootSource extends BaseComponent implements WorkerSource {
  readonly name = 'root-source';
  readonly #socket: WorkerSocket;
  readonly #options: PhpOptions;
  readonly #bus: EventBus;
  #current: Promise<Rooted> | undefined;
  /** Roots that another one has followed. */
  readonly #leaving = new WeakSet<Rooted>();
  #serial = 0;

  constructor(socket: WorkerSocket, options: PhpOptions, bus: EventBus) {
    super();
    this.#socket = socket;
    this.#options = options;
    this.#bus = bus;
  }

  /** A forked worker; starts a root first when there is none. */
  async worker(run: string): Promise<Worker> {
    const { root, spares } = await this.#rootOfNow();
    const spare = spares.take();
    spares.fill();
    return spare ?? root.forker.fork(run);
  }

  protected override async onStart(): Promise<void> {
    const { root } = await this.#root();
    if (!root.canFork) {
      throw fail('PHP_UNUSABLE', {
        php: this.#options.php,
        root: this.#options.root,
        reason: 'it lacks pcntl or posix, or they are disabled; use isolation "cold"',
      });
    }
  }

  protected override async onStop(): Promise<void> {
    const rooted = await this.#current?.catch(() => undefined);
    if (!rooted) {
      return;
    }
    rooted.spares.close();
    rooted.root.forker.quit();
    // It ends with its last child: at once, unless one of them runs a process.
    await Promise.race([rooted.root.exited, pause(leaveTime, undefined, { ref: false })]);
  }

  /**
   * A root for the code as it is deployed now.
   *
   * opcache tells files apart by name and by time in whole seconds, which two releases may
   * have in common, and it does not give back the memory of a release that is gone.
   */
  async #rootOfNow(): Promise<Rooted> {
    const rooted = await this.#root();
    const folder = folderMark(this.#options.root);
    // While a deploy has taken it away nothing can be said.
    if (folder !== undefined && rooted.folder !== undefined && folder !== rooted.folder) {
      await this.#replace(rooted, 'its folder is another one');
      return this.#root();
    }
    return rooted;
  }

  #root(): Promise<Rooted> {
    this.#current ??= this.#launch();
    return this.#current;
  }

  async #launch(): Promise<Rooted> {
    try {
      const folder = folderMark(this.#options.root);
      const root = await startRoot(this.#socket, this.#options);
      const { pid } = root.forker;
      const spares = new Spares(() => root.forker.fork(`root-spare-${pid}-${(this.#serial += 1)}`), sparesOfRoot);
      const rooted = { root, spares, folder };
      this.#bus.emit('root.started', { pid, root: this.#options.root });
      root.forker.onFull = (what) => void this.#replace(rooted, `opcache ${what} nearly full`);
      void root.exited.then(() => {
        if (this.state === 'starting' || this.state === 'started') {
          this.#bus.emit('root.exited', { pid, root: this.#options.root });
        }
        void this.#forget(rooted);
      });
      if (root.canFork) {
        spares.fill();
      }
      return rooted;
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  /** The old root only reaps from now on; the next worker comes from a new one. */
  async #replace(rooted: Rooted, reason: string): Promise<void> {
    const { forker } = rooted.root;
    // Several starts may find out at the same time.
    if (this.#leaving.has(rooted)) {
      return this.#forget(rooted);
    }
    this.#leaving.add(rooted);
    this.#bus.emit('root.replaced', {
      pid: forker.pid,
      root: this.#options.root,
      reason,
    });
    rooted.spares.close();
    forker.quit();
    await this.#forget(rooted);
  }

  async #forget(rooted: Rooted): Promise<void> {
    const current = this.#current;
    await current?.then(
      (value) => {
        if (value === rooted && this.#current === current) {
          this.#current = undefined;
        }
      },
      () => undefined,
    );
  }
}

interface Rooted {
  readonly root: Root;
  readonly spares: Spares;
  /** The folder of the site when it was started; undefined: it was not there. */
  readonly folder: string | undefined;
}

/** Which folder a path leads to: another one after a deploy that swaps a link or renames folders. */
function folderMark(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.birthtimeMs}`;
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
