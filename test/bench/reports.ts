import { createSocket, type Socket } from 'node:dgram';

/** What callbacks say of their first line. */
export class Reports {
  readonly #socket: Socket;
  /** Seconds since 1970 by PHP's clock, by id. */
  readonly #seen = new Map<string, number>();
  readonly #waiting = new Map<string, (at: number) => void>();
  #twice = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes) => {
      const [id = '', at = ''] = bytes.toString().split(' ');
      if (this.#seen.has(id)) {
        this.#twice += 1;
      }
      this.#seen.set(id, Number(at));
      this.#waiting.get(id)?.(Number(at));
      this.#waiting.delete(id);
    });
  }

  static async open(): Promise<Reports> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new Reports(socket);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Callbacks that began more than once. */
  get twice(): number {
    return this.#twice;
  }

  /** When the callback of this id began, in seconds since 1970. @throws Error after a minute. */
  async begun(id: string): Promise<number> {
    const seen = this.#seen.get(id);
    if (seen !== undefined) {
      return seen;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the process ${id} has not begun within two minutes`));
      }, 120_000);
      this.#waiting.set(id, (at) => {
        clearTimeout(timer);
        resolve(at);
      });
    });
  }

  close(): void {
    this.#socket.close();
  }
}
