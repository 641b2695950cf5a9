import type { Socket } from 'node:net';

import type { HelloMessage } from './protocol.js';

/** Longest line that a PHP process may send, in bytes; beyond it, it is cut off. */
const lineLimit = 4 * 1024 * 1024;

/** One PHP process on the worker socket, after it has said who it is. */
export class Connection {
  readonly hello: HelloMessage;
  /** Resolves when the other side has closed: a hint that the process is dead, no proof. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #lines: unknown[] = [];
  #listener: ((message: unknown) => void) | undefined;

  constructor(socket: Socket, hello: HelloMessage) {
    this.#socket = socket;
    this.hello = hello;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
  }

  /** Receives every message, also those that came before. One listener. */
  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
    const early = this.#lines;
    this.#lines = [];
    for (const message of early) {
      listener(message);
    }
  }

  /** Called by the socket for each line. */
  deliver(message: unknown): void {
    if (this.#listener) {
      this.#listener(message);
    } else {
      this.#lines.push(message);
    }
  }

  /** Sends a message; to a process that is gone it is lost without an error. */
  send(message: object): void {
    if (!this.#socket.destroyed && this.#socket.writable) {
      this.#socket.write(`${JSON.stringify(message)}\n`);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Splits what a socket receives into lines and parses them; garbage ends the socket. */
export function readLines(
  socket: Socket,
  onLine: (message: unknown) => void,
  onGarbage: (reason: string) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    rest += chunk;
    let end = rest.indexOf('\n');
    while (end >= 0 && !socket.destroyed) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      try {
        onLine(JSON.parse(line));
      } catch {
        onGarbage('a line that is not JSON');
        socket.destroy();
        return;
      }
      end = rest.indexOf('\n');
    }
    if (rest.length > lineLimit) {
      onGarbage('a line without end');
      socket.destroy();
    }
  });
}
