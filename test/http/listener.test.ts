import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isError } from '../../src/errors.js';
import { buildApp, type AppPorts } from '../../src/http/app.js';
import { Listener } from '../../src/http/listener.js';
import type { StartAnswer, StartRequest } from '../../src/intake/accept-start.js';
import { Deferred } from '../../src/support/deferred.js';

let seen: StartRequest[];
let answer: () => StartAnswer | Promise<StartAnswer>;
let app: FastifyInstance;

const ports: AppPorts = {
  accept: async (request) => {
    seen.push(request);
    return answer();
  },
  checkToken: () => Promise.resolve('check me'),
  readiness: () => ({ ready: true, reason: 'Starts are taken.' }),
  serverStatus: () => undefined,
};

beforeEach(() => {
  seen = [];
  answer = () => ({ status: 200, text: 'Taken.\n' });
  app = buildApp(ports);
});

describe('Listener', () => {
  let listener: Listener;
  const clients: Socket[] = [];

  beforeEach(async () => {
    listener = new Listener(app, { host: '127.0.0.1', port: 0 });
    await listener.start();
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.destroy();
    }
    await listener.stop();
  });

  async function client(): Promise<Socket> {
    const made = connect({ host: '127.0.0.1', port: listener.port, allowHalfOpen: true });
    clients.push(made);
    made.setNoDelay(true);
    await once(made, 'connect');
    return made;
  }

  /** Everything that comes until the daemon closes. */
  async function rest(made: Socket): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of made) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('latin1');
  }

  async function say(text: string): Promise<string> {
    const made = await client();
    made.write(Buffer.from(text, 'latin1'));
    return rest(made);
  }

  /** Status of an answer that is whole: its length is told and right, and it closes. */
  function status(response: string): number {
    const [head = '', ...body] = response.split('\r\n\r\n');
    expect(head.toLowerCase()).toContain('\r\nconnection: close');
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    expect(Number(length)).toBe(body.join('\r\n\r\n').length);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  }

  const start = (headers = ''): string => `POST /bgp-start/x/token HTTP/1.0\r\nHost: a.example\r\n${headers}\r\n`;

  it.each([
    ['HTTP/1.0', start(), 200],
    ['HTTP/1.1', 'POST /bgp-start/x/token HTTP/1.1\r\nHost: a.example\r\n\r\n', 200],
    ['a wish to keep the link', start('Connection: Keep-Alive\r\n'), 200],
    ['no Host', 'POST /bgp-start/x/token HTTP/1.0\r\n\r\n', 200],
    ['an absolute address', 'POST http://a.example/bgp-start/x/token HTTP/1.1\r\nHost: a.example\r\n\r\n', 200],
    ['a body', `${start('Content-Type: text/plain\r\nContent-Length: 3\r\n')}abc`, 200],
    ['the page of no site', 'GET / HTTP/1.0\r\n\r\n', 404],
    ['readiness', 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n', 200],
  ])('answers %s with length and close', async (_what, request, expected) => {
    expect(status(await say(request))).toBe(expected);
  });

  it('takes a request byte by byte', async () => {
    const made = await client();
    for (const byte of Buffer.from(start())) {
      await new Promise((resolve) => made.write(Buffer.from([byte]), resolve));
    }
    expect(status(await rest(made))).toBe(200);
    expect(seen[0]?.url).toBe('/bgp-start/x/token');
  });

  /** Keeps the answer back until the returned function is called. */
  function holdAnswer(): { asked: Promise<void>; release: () => void } {
    const asked = new Deferred();
    const held = new Deferred<StartAnswer>();
    answer = () => {
      asked.resolve();
      return held.promise;
    };
    return { asked: asked.promise, release: () => held.resolve({ status: 200, text: 'Taken.\n' }) };
  }

  it('answers a client that has closed its side after the request', async () => {
    const { asked, release } = holdAnswer();
    const closed = new Promise<void>((resolve) => {
      app.server.once('connection', (socket) => socket.once('end', () => resolve()));
    });
    const made = await client();
    made.end(start());
    await Promise.all([asked, closed]);
    release();
    expect(status(await rest(made))).toBe(200);
  });

  it('minds no client that is gone before its answer', async () => {
    const { asked, release } = holdAnswer();
    const gone = new Promise<void>((resolve) => {
      app.server.once('connection', (socket) => socket.once('close', () => resolve()));
    });
    const made = await client();
    made.write(start());
    await asked;
    made.resetAndDestroy();
    await gone;
    release();
    answer = () => ({ status: 200, text: 'Taken.\n' });
    expect(status(await say(start()))).toBe(200);
  });

  it('reads one request of a connection, not what follows it', async () => {
    const { asked, release } = holdAnswer();
    const made = await client();
    const second = start().replace('/x/', '/second/');
    made.write(`${start('Connection: keep-alive\r\n').replace('1.0', '1.1')}${second}`);
    await asked;
    release();
    expect(status(await rest(made))).toBe(200);
    expect(seen.map(({ url }) => url)).toEqual(['/bgp-start/x/token']);
  });

  it('escapes bytes above 127 in the address, as the start parser expects them', async () => {
    expect(status(await say('POST /bgp-start/\xe9\xc3\xa9%C3/token HTTP/1.0\r\nHost: a.example\r\n\r\n'))).toBe(200);
    expect(seen[0]?.url).toBe('/bgp-start/%E9%C3%A9%C3/token');
  });

  it('passes on an address that no URL may have', async () => {
    const url = '/bgp-start/../../etc/"<%00>|x/token';
    expect(status(await say(`POST ${url} HTTP/1.0\r\n\r\n`))).toBe(200);
    expect(seen[0]?.url).toBe(url);
  });

  it('leaves bytes above 127 in headers as they are', async () => {
    expect(status(await say(start('User-Agent: \xe9\r\n')))).toBe(200);
    expect(seen[0]?.headers['user-agent']).toBe('\xe9');
  });

  it('takes folded header lines', async () => {
    expect(status(await say(start('Accept-Language: da,\r\n  en\r\nX-Last: 1\r\n')))).toBe(200);
    expect(seen[0]?.headers['accept-language']).toMatch(/^da,\s+en$/);
    expect(seen[0]?.headers['x-last']).toBe('1');
  });

  it('takes 60 KB of headers, in many or in one', async () => {
    expect(status(await say(start(`Cookie: ${'x'.repeat(60_000)}\r\n`)))).toBe(200);
    const many = Array.from({ length: 60 }, (_, index) => `X-H${index}: ${'y'.repeat(990)}\r\n`).join('');
    expect(status(await say(start(many)))).toBe(200);
    expect(seen).toHaveLength(2);
  });

  it('takes an address of 60 KB', async () => {
    expect(status(await say(`POST /bgp-start/${'x'.repeat(60_000)}/token HTTP/1.0\r\n\r\n`))).toBe(200);
  });

  it('gives every client of a burst its own answer', async () => {
    answer = () => ({ status: 200, text: `${seen.at(-1)?.url ?? ''}\n` });
    const paths = Array.from({ length: 100 }, (_, index) => `/bgp-start/job${index}/token`);
    const responses = await Promise.all(paths.map((path) => say(`POST ${path} HTTP/1.0\r\n\r\n`)));
    expect(responses.map((response) => response.split('\r\n\r\n')[1])).toEqual(paths.map((path) => `${path}\n`));
  });

  it.each([
    ['nonsense', 'nonsense\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\n\n', 400],
    ['300 KB of headers', `POST /bgp-start/x/token HTTP/1.0\r\nX: ${'y'.repeat(300_000)}\r\n\r\n`, 431],
  ])('closes on %s without calling it a start', async (_what, request, expected) => {
    expect(status(await say(request))).toBe(expected);
    expect(seen).toEqual([]);
  });

  it('drops a client that goes away inside its first line', async () => {
    const made = await client();
    made.end('POST /bgp-st');
    expect(await rest(made)).toBe('');
    expect(seen).toEqual([]);
  });

  it('tells an address that another program has from one that a drupald has', async () => {
    const stranger = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const { port } = stranger.address() as AddressInfo;
    expect(isError(await refusal(port), 'PORT_IN_USE')).toBe(true);
    stranger.close();
    expect(isError(await refusal(listener.port), 'ALREADY_RUNNING')).toBe(true);
  });

  async function refusal(port: number): Promise<unknown> {
    const second = new Listener(buildApp(ports), {
      host: '127.0.0.1',
      port,
    });
    const error = await second.start().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect((error as Error).message).toContain(`127.0.0.1:${port}`);
    return error;
  }

  it('stops taking connections, and answers those that it has', async () => {
    const { asked, release } = holdAnswer();
    const made = await client();
    made.write(start());
    await asked;
    const { port } = listener;
    const stopped = listener.stop();
    release();
    expect(status(await rest(made))).toBe(200);
    await stopped;
    const late = connect({ host: '127.0.0.1', port });
    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED');
  });
});
