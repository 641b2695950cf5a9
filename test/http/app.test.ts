import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { buildApp } from '../../src/http/app.js';
import type { StartAnswer, StartRequest } from '../../src/intake/accept-start.js';

let seen: StartRequest[];
let answer: () => StartAnswer | Promise<StartAnswer>;
let readiness: { ready: boolean; reason: string };
let checkToken: string | undefined;
let status: (request: { url: string; method: string }) => { type: string; text: string } | undefined;
let app: FastifyInstance;

beforeEach(() => {
  seen = [];
  answer = () => ({ status: 200, text: 'Taken.\n' });
  readiness = { ready: true, reason: 'Starts are taken.' };
  checkToken = 'check me';
  status = ({ url, method }) => ({ type: 'text/html', text: `${method} ${url}` });
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
    serverStatus: (request) => status(request),
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

  it.each([
    '/server-status',
    '/server-status/',
    '/server-status/da',
    '/server-status?auto',
    '/server-status/?auto=1',
    '/?q=server-status/&auto=1',
    '/index.php?q=server-status',
    '/server-status?drupald=bgp-start',
  ])('show the server status at %s', async (url) => {
    const response = await app.inject({ url });
    expect([response.statusCode, response.headers['content-type'], response.body]).toEqual([
      200,
      'text/html',
      `GET ${url}`,
    ]);
    expect(seen).toEqual([]);
  });

  it('do not show the server status to everybody, nor by another address or method', async () => {
    status = () => undefined;
    expect((await app.inject({ url: '/server-status' })).statusCode).toBe(403);
    expect((await app.inject({ url: '/server-statuses' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/folder/server-status/x/y' })).statusCode).toBe(404);
    expect((await app.inject({ method: 'POST', url: '/server-status' })).statusCode).toBe(404);
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
