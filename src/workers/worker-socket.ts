import { randomBytes } from 'node:crypto';
import { chmod, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

import { BaseComponent } from '../components/component.js';
import { fail } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { Deferred } from '../support/deferred.js';
import { Connection, readLines } from './connection.js';
import { helloMessage, protocolVersion } from './protocol.js';

/** Time in which a new connection must say who it is, in milliseconds. */
const helloTimeout = 10_000;

/** A PHP process that may connect once. */
export interface Expectation {
  readonly secret: string;
  readonly connected: Promise<Connection>;
  /** Stops waiting; the promise rejects. */
  cancel(reason: Error): void;
}

/**
 * The Unix socket on which PHP processes report (design decision 2).
 *
 * It takes run messages only, and only from a process that shows the one-time
 * secret which the daemon gave to it.
 */
export class WorkerSocket extends BaseComponent {
  readonly name = 'worker-socket';
  readonly path: string;
  readonly #bus: EventBus;
  readonly #expected = new Map<string, Deferred<Connection>>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(path: string, bus: EventBus) {
    super();
    this.path = path;
    this.#bus = bus;
  }

  /** Makes a secret that one process may use once. */
  expect(): Expectation {
    const secret = randomBytes(24).toString('hex');
    const deferred = new Deferred<Connection>();
    // Nobody may be waiting yet when it is cancelled.
    deferred.promise.catch(() => undefined);
    this.#expected.set(secret, deferred);
    return {
      secret,
      connected: deferred.promise,
      cancel: (reason) => {
        this.#expected.delete(secret);
        deferred.reject(reason);
      },
    };
  }

  protected override async onStart(): Promise<void> {
    // A file left by a daemon that was killed; a living one holds the listener's port.
    await unlink(this.path).catch(() => undefined);
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: this.path, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    await chmod(this.path, 0o600);
  }

  protected override async onStop(): Promise<void> {
    for (const [secret, deferred] of this.#expected) {
      this.#expected.delete(secret);
      deferred.reject(new Error('the daemon is stopping'));
    }
    const server = this.#server;
    if (server) {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of this.#sockets) {
          socket.destroy();
        }
      });
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let connection: Connection | undefined;
    const timer = setTimeout(() => socket.destroy(), helloTimeout);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
    });
    const garbage = (reason: string): void => {
      this.#bus.emit('worker.protocol', { reason, pid: connection?.hello.pid });
    };
    readLines(
      socket,
      (message) => {
        if (connection) {
          connection.deliver(message);
          return;
        }
        clearTimeout(timer);
        connection = this.#greet(socket, message);
        if (!connection) {
          garbage('a first message without a valid secret');
          socket.destroy();
        }
      },
      garbage,
    );
  }

  #greet(socket: Socket, message: unknown): Connection | undefined {
    const hello = helloMessage.safeParse(message);
    if (!hello.success) {
      return undefined;
    }
    // 192 random bits, gone after one use: nothing to be learnt from the time of a look-up.
    const deferred = this.#expected.get(hello.data.secret);
    if (!deferred) {
      return undefined;
    }
    this.#expected.delete(hello.data.secret);
    if (hello.data.v !== protocolVersion) {
      deferred.reject(
        fail('WORKER_PROTOCOL', {
          reason: `version ${hello.data.v} instead of ${protocolVersion}`,
        }),
      );
      return undefined;
    }
    const connection = new Connection(socket, hello.data);
    deferred.resolve(connection);
    return connection;
  }
}
