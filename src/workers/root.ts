import { setTimeout as pause } from 'node:timers/promises';

import { fail } from '../errors.js';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';
import { Deferred } from '../support/deferred.js';
import type { Connection } from './connection.js';
import { startError, startPhp, type PhpOptions, type PhpProcess } from './php-command.js';
import { rootMessage, type RootMessage } from './protocol.js';
import type { Expectation, WorkerSocket } from './worker-socket.js';
import { killGroup, signalName, type Worker, type WorkerExit } from './worker.js';

/** Time that a PHP gets to report after its start or fork, in milliseconds. */
const reportTimeout = 15_000;

/** Pause between two looks at a process that nobody can reap for us, in milliseconds. */
const orphanInterval = 100;

interface Child {
  readonly ended: Deferred<WorkerExit>;
  readonly expectation: Expectation;
  pid: number | undefined;
}

/** One PHP process that only forks (design decision 1). */
export class Root {
  readonly pid: number;
  /** Whether this PHP can fork at all. */
  readonly canFork: boolean;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<void>;
  /** Called once when opcache is nearly full: time for a new root. */
  onFull: (what: string) => void = () => undefined;
  readonly #socket: WorkerSocket;
  readonly #connection: Connection;
  readonly #php: string;
  readonly #folder: string;
  readonly #children = new Map<string, Child>();
  #gone = false;

  private constructor(socket: WorkerSocket, connection: Connection, php: PhpProcess, options: PhpOptions) {
    this.#socket = socket;
    this.#php = options.php;
    this.#folder = options.root;
    this.#connection = connection;
    this.pid = connection.hello.pid;
    this.canFork = connection.hello.fork ?? false;
    this.exited = php.exited.then(() => this.#orphan());
    connection.onMessage((message) => this.#receive(message));
  }

  /**
   * Starts a root and waits until it has reported.
   *
   * @throws DrupaldError PHP_NOT_FOUND, PHP_UNUSABLE or WORKER_START_TIMEOUT.
   */
  static async start(socket: WorkerSocket, options: PhpOptions): Promise<Root> {
    const expectation = socket.expect();
    const php = startPhp(options, {
      mode: 'root',
      socket: socket.path,
      secret: expectation.secret,
      title: options.root,
    });
    const timer = setTimeout(() => {
      php.kill('SIGKILL');
      expectation.cancel(fail('WORKER_START_TIMEOUT', { uri: options.root, limit: `${reportTimeout / 1000} s` }));
    }, reportTimeout);
    try {
      const early = php.exited.then((exit) => {
        throw startError(options, exit);
      });
      early.catch(() => undefined);
      const connection = await Promise.race([expectation.connected, early]);
      return new Root(socket, connection, php, options);
    } catch (error) {
      expectation.cancel(error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether it still takes forks. */
  get usable(): boolean {
    return !this.#gone;
  }

  /** Workers that it has to reap yet. */
  get children(): number {
    return this.#children.size;
  }

  /**
   * Forks a worker.
   *
   * @throws Error when the fork failed or the child did not report.
   */
  async fork(run: string): Promise<Worker> {
    if (this.#gone) {
      throw fail('PHP_UNUSABLE', { php: this.#php, root: this.#folder, reason: 'its root process has ended' });
    }
    const expectation = this.#socket.expect();
    const child: Child = { ended: new Deferred<WorkerExit>(), expectation, pid: undefined };
    this.#children.set(run, child);
    this.#connection.send({ type: 'fork', run, secret: expectation.secret });
    const timer = setTimeout(() => {
      if (child.pid === undefined) {
        // It does not even fork: a root that hangs is replaced.
        killGroup(this.pid, 'SIGKILL');
      } else {
        killGroup(child.pid, 'SIGKILL');
      }
      expectation.cancel(fail('WORKER_START_TIMEOUT', { uri: this.#folder, limit: `${reportTimeout / 1000} s` }));
    }, reportTimeout);
    try {
      const connection = await expectation.connected;
      const pid = connection.hello.pid;
      child.pid = pid;
      // The end of the connection wakes the root, which alone can prove the death.
      void connection.closed.then(() => this.#connection.send({ type: 'reap', pid }));
      return { pid, connection, ended: child.ended.promise, kill: (signal) => killGroup(pid, signal) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets it end as soon as its last worker has ended. */
  quit(): void {
    this.#gone = true;
    this.#connection.send({ type: 'quit' });
  }

  #receive(raw: unknown): void {
    const parsed = rootMessage.safeParse(raw);
    if (!parsed.success) {
      return;
    }
    const message: RootMessage = parsed.data;
    switch (message.type) {
      case 'forked': {
        const child = this.#children.get(message.run);
        if (child) {
          child.pid = message.pid;
        }
        return;
      }
      case 'fork-failed':
        this.#end(
          message.run,
          { code: undefined, signal: undefined, seen: false },
          `it cannot fork: ${message.message}`,
        );
        return;
      case 'reaped':
        this.#end(message.run ?? '', {
          code: message.code ?? undefined,
          signal: message.signal == null ? undefined : signalName(message.signal),
          seen: true,
          cpuMs: message.cpuMs ?? undefined,
          peakKb: message.peakKb ?? undefined,
        });
        return;
      case 'full':
        this.onFull(message.what);
        return;
    }
  }

  #end(run: string, exit: WorkerExit, why = 'a forked worker ended before it reported'): void {
    const child = this.#children.get(run);
    if (!child) {
      return;
    }
    this.#children.delete(run);
    child.ended.resolve(exit);
    child.expectation.cancel(
      fail('PHP_UNUSABLE', {
        php: this.#php,
        root: this.#folder,
        reason: why,
      }),
    );
  }

  /** The root is dead: its workers live on and nobody will reap them for us. */
  #orphan(): void {
    this.#gone = true;
    for (const [run, child] of this.#children) {
      void this.#watchOrphan(run, child);
    }
  }

  async #watchOrphan(run: string, child: Child): Promise<void> {
    const identity: ProcessIdentity | undefined = child.pid === undefined ? undefined : await identify(child.pid);
    while (identity && (await isAlive(identity))) {
      await pause(orphanInterval, undefined, { ref: false });
    }
    this.#end(run, { code: undefined, signal: undefined, seen: false });
  }
}
