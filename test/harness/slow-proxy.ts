import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Stands before a database server and lets each packet of its clients wait: every statement takes that long. */
export class SlowProxy {
  /** Milliseconds that each packet waits. */
  delay = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect({ host: '127.0.0.1', port });
      this.#pass(server, client, () => 0);
      this.#pass(client, server, () => this.delay);
    });
  }

  /** @param port of the server behind it */
  static async start(port: number): Promise<SlowProxy> {
    const proxy = new SlowProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** In order: a packet waits behind the ones before it. */
  #pass(from: Socket, to: Socket, delay: () => number): void {
    let last = Promise.resolve();
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      last = last.then(async () => {
        if (delay() > 0) {
          await pause(delay());
        }
        to.write(chunk);
      });
    });
    from.on('error', () => undefined);
    from.once('close', () => {
      this.#sockets.delete(from);
      // A client that is gone does not take back what it has sent.
      void last.then(() => to.end());
    });
  }

  /** Cuts every connection and ends. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }
}
