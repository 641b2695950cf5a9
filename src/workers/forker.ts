import { setTimeout as pause } from 'node:timers/promises';

import { fail } from '../errors.js';
import { identify, isAlive, type ProcessIdentity } from '../process/identity.js';
import { Deferred } from '../support/deferred.js';
import type { Connection } from './connection.js';
import { forkerMessage } from './protocol.js';
import type { Expectation, WorkerSocket } from './worker-socket.js';
import { killGroup, signalName, type Worker, type WorkerExit } from './worker.js';

/** Time that a PHP gets to report after its start or fork, in milliseconds. */
export const reportTimeout = 15_000;

/** Milliseconds that a parent gets to tell a death by itself. */
const reapPatience = 10;

/** Pause between two looks at a process that nobody can reap for us, in milliseconds. */
const orphanInterval = 100;

interface Child {
  readonly ended: Deferred<WorkerExit>;
  readonly expectation: Expectation;
  pid: number | undefined;
}

/** What a forking process is, for errors. */
export interface ForkerPlace {
  /** PHP binary. */
  readonly php: string;
  /** The folder with Drupal's index.php. */
  readonly folder: string;
}

/** A PHP process that forks workers and tells how each one ended: a root or a zygote (design decision 1). */
export class Forker {
  readonly pid: number;
  /** Called once when opcache is nearly full: time for a new root. */
  onFull: (what: string) => void = () => undefined;
  readonly #socket: WorkerSocket;
  readonly #connection: Connection;
  readonly #place: ForkerPlace;
  readonly #children = new Map<string, Child>();
  #gone = false;

  /** Takes over the connection: its messages are read here from now on. */
  constructor(socket: WorkerSocket, connection: Connection, place: ForkerPlace) {
    this.#socket = socket;
    this.#connection = connection;
    this.#place = place;
    this.pid = connection.hello.pid;
    connection.onMessage((message) => this.#receive(message));
  }

  /**
   * Forks a worker.
   *
   * @param rehearse whether it is to open its connections before it has a job
   * @throws DrupaldError when the fork failed or the child did not report.
   */
  async fork(run: string, rehearse = false): Promise<Worker> {
    if (this.#gone) {
      throw this.#unusable('the process that forks has ended');
    }
    const expectation = this.#socket.expect();
    const child: Child = { ended: new Deferred<WorkerExit>(), expectation, pid: undefined };
    this.#children.set(run, child);
    this.#connection.send({ type: 'fork', run, secret: expectation.secret, ...(rehearse ? { rehearse } : {}) });
    const timer = setTimeout(() => {
      if (child.pid === undefined) {
        // It does not even fork: one that hangs is replaced.
        killGroup(this.pid, 'SIGKILL');
      } else {
        killGroup(child.pid, 'SIGKILL');
      }
      expectation.cancel(fail('WORKER_START_TIMEOUT', { uri: this.#place.folder, limit: `${reportTimeout / 1000} s` }));
    }, reportTimeout);
    try {
      const connection = await expectation.connected;
      const pid = connection.hello.pid;
      child.pid = pid;
      void connection.closed.then(() => this.#awaitReaping(run, pid));
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

  /** The process is dead: its workers live on and nobody will reap them for us. */
  orphan(): void {
    this.#gone = true;
    for (const [run, child] of this.#children) {
      void this.#watchOrphan(run, child);
    }
  }

  /** The parent alone can prove a death; should the signal have slipped past it, it is woken. */
  #awaitReaping(run: string, pid: number): void {
    setTimeout(() => {
      if (this.#children.has(run)) {
        this.#connection.send({ type: 'reap', pid });
      }
    }, reapPatience).unref();
  }

  #receive(raw: unknown): void {
    const parsed = forkerMessage.safeParse(raw);
    if (!parsed.success) {
      return;
    }
    const message = parsed.data;
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
    child.expectation.cancel(this.#unusable(why));
  }

  #unusable(reason: string): Error {
    return fail('PHP_UNUSABLE', { php: this.#place.php, root: this.#place.folder, reason });
  }

  async #watchOrphan(run: string, child: Child): Promise<void> {
    const identity: ProcessIdentity | undefined = child.pid === undefined ? undefined : await identify(child.pid);
    while (identity && (await isAlive(identity))) {
      await pause(orphanInterval, undefined, { ref: false });
    }
    this.#end(run, { code: undefined, signal: undefined, seen: false });
  }
}
