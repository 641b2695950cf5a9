import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { isError } from '../../src/errors.js';
import { buildApp } from '../../src/http/app.js';
import { Listener } from '../../src/http/listener.js';
import type { StartAnswer, StartRequest } from '../../src/intake/accept-start.js';

let seen: StartRequest[];
let answer: () => StartAnswer | Promise<StartAnswer>;
let readiness: { ready: boolean; reason: string };
let checkToken: string | undefined;
let app: FastifyInstance;

beforeEach(() => {
  seen = [];
  answer = () => ({ status: 200, text: 'Taken.\n' });
  readiness = { ready: true, reason: 'Starts are taken.' };
  checkToken = 'check me';
  app = buildApp({
    accept: async (request) => {
      seen.push(request);
      return answer();
    },
    checkToken: (request) => {
      seen.push(request);
      return Promise.resolve(checkToken);
    },
    readiness: () => readiness,
  });
});

describe('routes', () => {
  afterEach(() => app.close());

  it.each([
    '/bgp-start/a%252Fb/token',
    '/da/bgp-start/x/token',
    '/shop/index.php?q=bgp-start/x/token',
    '/?q=bgp-start%2Fx%2Ftoken',
    '/bgp%3Astart/x/token',
    '/BGP-START/x/token',
    '/bgp-start/%zz/%',
    '/bgp-start/healthz',
  ])('hand %s on as it came', async (url) => {
    const response = await app.inject({ method: 'POST', url });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe('Taken.\n');
    expect(seen.map((request) => request.url)).toEqual([url]);
  });

  it.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const)('take a start by %s', async (method) => {
    const response = await app.inject({ method, url: '/bgp-start/x/token' });
    expect(response.statusCode).toBe(200);
    expect(seen).toHaveLength(1);
  });

  it('give what the answer says', async () => {
    answer = () => ({ status: 503, text: 'Later.\n' });
    const response = await app.inject({ method: 'POST', url: '/bgp-start/x/token' });
    expect([response.statusCode, response.body]).toEqual([503, 'Later.\n']);
  });

  it('pass on headers and peer', async () => {
    await app.inject({
      method: 'POST',
      url: '/bgp-start/x/t',
      headers: { host: 'a.example', 'accept-language': 'da' },
    });
    expect(seen[0]).toMatchObject({ headers: { host: 'a.example', 'accept-language': 'da' }, peer: '127.0.0.1' });
  });

  it.each(['application/json', 'text/xml', 'application/x-www-form-urlencoded'])(
    'read and forget a body of %s',
    async (type) => {
      const response = await app.inject({
        method: 'POST',
        url: '/bgp-start/x/token',
        headers: { 'content-type': type },
        payload: '{"broken',
      });
      expect(response.statusCode).toBe(200);
    },
  );

  it.each([
    '/background-process/check-token',
    '/da/background-process/check-token/',
    '/?q=background-process/check-token',
  ])('print the check token at %s', async (url) => {
    const response = await app.inject({ method: 'GET', url });
    expect([response.statusCode, response.body]).toEqual([200, 'check me']);
    checkToken = undefined;
    expect((await app.inject({ method: 'GET', url })).statusCode).toBe(404);
  });

  it('tell whether starts are taken', async () => {
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    expect((await app.inject('/readyz')).statusCode).toBe(200);
    readiness = { ready: false, reason: 'Not yet.' };
    const response = await app.inject('/readyz');
    expect([response.statusCode, response.body]).toEqual([503, 'Not yet.\n']);
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });

  it.each(['/', '/node/1', '/-/none', '/-/start', '/-/check-token', '/healthzz', '/user/login?x=1'])(
    'know no page %s',
    async (url) => {
      expect((await app.inject({ method: 'GET', url })).statusCode).toBe(404);
      expect(seen).toEqual([]);
    },
  );

  it('answer a defect without telling what it was', async () => {
    answer = () => {
      throw new Error('secret detail');
    };
    const response = await app.inject({ method: 'POST', url: '/bgp-start/x/token' });
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(response.body).not.toContain('secret');
    expect(response.headers['connection']).toBe('close');
  });
});

describe('on a real socket', () => {
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

  it('answers a client that has closed its side after the request', async () => {
    const made = await client();
    made.end(start());
    expect(status(await rest(made))).toBe(200);
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
    ['nonsense', 'nonsense\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\n\n'],
    ['300 KB of headers', `POST /bgp-start/x/token HTTP/1.0\r\nX: ${'y'.repeat(300_000)}\r\n\r\n`],
  ])('closes on %s without calling it a start', async (_what, request) => {
    const made = await client();
    made.on('error', () => undefined);
    made.write(Buffer.from(request, 'latin1'));
    const response = await rest(made).catch(() => '');
    expect(response).not.toMatch(/^HTTP\/1\.1 2/);
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
    const second = new Listener(buildApp({ accept: never, checkToken: never, readiness: () => readiness }), {
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
    const made = await client();
    let release: (value: StartAnswer) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      answer = () => {
        resolve();
        return new Promise((give) => {
          release = give;
        });
      };
    });
    made.write(start());
    await asked;
    const { port } = listener;
    const stopped = listener.stop();
    release({ status: 200, text: 'Taken.\n' });
    expect(status(await rest(made))).toBe(200);
    await stopped;
    const late = connect({ host: '127.0.0.1', port });
    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  function never(): Promise<never> {
    throw new Error('not asked');
  }
});
