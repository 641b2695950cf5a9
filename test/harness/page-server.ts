import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Bytes of the page `/big`. */
export const BIG = 3_000_000;

/** A request as the page `/echo` gives it back. */
export interface EchoedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** How busy a server of pages was since it was last asked to forget. */
export interface Traffic {
  readonly requests: number;
  readonly connections: number;
  /** Requests under way at the same time, at most. */
  readonly flights: number;
}

/** A server whose pages behave as their paths say, for PHP that asks for them. */
export class PageServer {
  readonly #server: Server;
  /** Answers that `/held` keeps back. */
  readonly #held: ServerResponse[] = [];
  /** The last request for `/echo`. */
  lastEcho: unknown;
  /** What `/server-status` answers; undefined: nothing, ever. */
  status: string | undefined;
  #traffic = { requests: 0, connections: 0, flights: 0 };
  #flights = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', () => {
      this.#traffic.connections += 1;
    });
    server.on('request', (request, response) => {
      this.#flights += 1;
      this.#traffic.requests += 1;
      this.#traffic.flights = Math.max(this.#traffic.flights, this.#flights);
      response.once('close', () => {
        this.#flights -= 1;
      });
      void this.#answer(request, response);
    });
  }

  /** Starts one on all loopback addresses. */
  static async start(): Promise<PageServer> {
    const server = createServer({ keepAlive: true });
    const pages = new PageServer(server);
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    return pages;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** Counts anew. */
  forget(): void {
    this.#traffic = { requests: 0, connections: 0, flights: 0 };
  }

  /** Ends it with all its connections. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.address);
    const body = await text(request).catch(() => '');
    response.sendDate = false;
    response.setHeader('X-Mixed-Case', 'Kept');
    const [, page = '', rest = ''] = pathname.split('/');
    switch (page) {
      case 'never':
        return;
      case 'server-status':
        if (this.status !== undefined) response.end(this.status);
        return;
      case 'held':
        this.#held.push(response);
        if (this.#held.length >= Number(rest)) {
          for (const one of this.#held.splice(0)) one.end('held');
        }
        return;
      case 'moved':
        response.writeHead(Number(searchParams.get('code') ?? 302), { location: searchParams.get('to') ?? '' });
        response.end('moved');
        return;
      case 'status':
        response.statusCode = Number(rest);
        response.end(`status ${rest}`);
        return;
      case 'cut':
        if (rest === 'head') {
          response.destroy();
          return;
        }
        response.setHeader('Content-Length', 100);
        response.write('half', () => {
          response.destroy();
        });
        return;
      case 'cookies':
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        response.end('cookies');
        return;
      case 'packed':
        this.#pack(request, response);
        return;
      case 'big':
        response.end(Buffer.alloc(BIG, 'drupald '));
        return;
      case 'echo': {
        const { method, url, headers } = request;
        this.lastEcho = { method, url, headers, body };
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(this.lastEcho));
        return;
      }
      default:
        response.end(`page ${pathname}`);
    }
  }

  #pack(request: IncomingMessage, response: ServerResponse): void {
    const accepted = String(request.headers['accept-encoding']);
    const encoding = /\bbr\b/.test(accepted) ? 'br' : /\bgzip\b/.test(accepted) ? 'gzip' : undefined;
    if (encoding === undefined) {
      response.end('plain');
      return;
    }
    response.setHeader('Content-Encoding', encoding);
    response.end(encoding === 'br' ? brotliCompressSync('packed') : gzipSync('packed'));
  }
}
