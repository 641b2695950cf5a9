import { readFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

import type { FastifyInstance } from 'fastify';

import { BaseComponent } from '../components/component.js';
import { formatListen } from '../config/config.js';
import { fail } from '../errors.js';
import type { ListenAddress } from '../sites/service-hosts.js';
import { inheritedListener } from '../support/inherited-listener.js';
import { answersAsDrupald } from './alive.js';

/** Connections that the kernel may hold for us during a burst. */
const backlog = 4096;

/** Connections at a time at most; more are closed at once. */
const maxConnections = 8192;

/** Bytes of a request line at most. */
const lineLimit = 64 * 1024;

/** Milliseconds until the request line must be there. */
const lineTimeout = 60_000;

/**
 * Listens, and hands connections to the HTTP application.
 *
 * Between the two it escapes raw bytes above 127 in the request line: a web server
 * takes them in a path, Node's parser does not.
 */
export class Listener extends BaseComponent {
  readonly name = 'listener';
  readonly #app: FastifyInstance;
  readonly #listen: ListenAddress;
  readonly #sockets = new Set<Socket>();
  readonly #onClosed: (bytes: number) => void;
  #server: Server | undefined;

  /** @param onClosed told of each connection that is over, and how many bytes were sent on it */
  constructor(app: FastifyInstance, listen: ListenAddress, onClosed: (bytes: number) => void = () => undefined) {
    super();
    this.#onClosed = onClosed;
    this.#app = app;
    this.#listen = listen;
  }

  /** Port that is really listened on; the configured one may be 0. */
  get port(): number {
    const address = this.#server?.address();
    return address && typeof address === 'object' ? address.port : this.#listen.port;
  }

  protected override async onStart(): Promise<void> {
    await this.#app.ready();
    // Half-open: a client that has said all and closes its side still gets its answer.
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.maxConnections = Math.min(maxConnections, Math.floor((await descriptorLimit()) / 2));
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        // One that a service manager holds goes on listening while there is no daemon.
        const inherited = inheritedListener();
        const where =
          inherited === undefined ? { host: this.#listen.host, port: this.#listen.port, backlog } : { fd: inherited };
        server.listen(where, () => resolve());
      });
      // Node looks for slow requests only on a server that it believes to listen.
      this.#app.server.emit('listening');
    } catch (error) {
      throw await listenError(this.#listen, error as NodeJS.ErrnoException);
    }
  }

  /** Stops listening; requests that are being answered get their answer. */
  protected override async onStop(): Promise<void> {
    const server = this.#server;
    if (server?.listening) {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setTimeout(() => {
          for (const socket of this.#sockets) {
            socket.destroy();
          }
        }, 1_000).unref();
      });
    }
    await this.#app.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => socket.destroy(), lineTimeout);
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (!chunk.includes(0x0a) && size < lineLimit) {
        return;
      }
      clearTimeout(timer);
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.pause();
      socket.unshift(escapeLine(Buffer.concat(chunks)));
      this.#app.server.emit('connection', socket);
      socket.resume();
    };
    const onEnd = (): void => {
      // Cut off before the end of its first line: nothing was asked.
      socket.destroy();
    };
    socket.on('data', onData);
    socket.once('end', onEnd);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(timer);
      this.#sockets.delete(socket);
      this.#onClosed(socket.bytesWritten);
    });
  }
}

/** Open files that the system allows us; half of them are left for databases, logs and workers. */
async function descriptorLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? maxConnections * 2);
}

/** Why an address cannot be listened on; asks whoever is there whether it is one of us. */
async function listenError(listen: ListenAddress, error: NodeJS.ErrnoException): Promise<Error> {
  const address = formatListen(listen);
  if (error.code !== 'EADDRINUSE') {
    return fail('LISTEN_FAILED', { address, reason: error.message }, { cause: error });
  }
  if (await answersAsDrupald(listen)) {
    return fail('ALREADY_RUNNING', { who: '', address }, { cause: error });
  }
  return fail('PORT_IN_USE', { address }, { cause: error });
}

/** Percent-encodes the bytes above 127 of the first line. */
function escapeLine(data: Buffer): Buffer {
  const end = data.indexOf(0x0a);
  const line = data.subarray(0, end < 0 ? data.length : end);
  if (line.every((byte) => byte < 0x80)) {
    return data;
  }
  const escaped = [...line]
    .map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`))
    .join('');
  return Buffer.concat([Buffer.from(escaped, 'latin1'), data.subarray(line.length)]);
}
