import { METHODS, type IncomingMessage } from 'node:http';

import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';

import type { StartAnswer, StartRequest } from '../intake/accept-start.js';
import { drupaldHeader } from '../sites/request.js';
import { aliveText } from './alive.js';
import { isStatusUrl, type StatusAnswer } from './server-status.js';

/** What the public listener answers with. */
export interface AppPorts {
  accept(request: StartRequest): Promise<StartAnswer>;
  /** The value of the site's check token; undefined: no such site. */
  checkToken(request: StartRequest): Promise<string | undefined>;
  /** Whether starts are taken, and if not why. */
  readiness(): { readonly ready: boolean; readonly reason: string };
  /** The page of Apache's mod_status; undefined: not for this peer. Waits for nobody. */
  serverStatus(request: StartRequest & { readonly method: string }): StatusAnswer | undefined;
}

/**
 * Bytes of headers that a request may have. The module passes on every header of
 * the visitor's page; the stock site takes 60 KB of them (contract §6a).
 */
const maxHeaderSize = 256 * 1024;

const startMark = /bgp(-|:|%3a|%253a)start/i;
const checkTokenMark = /background-process\/check-token\/*(\?|&|$)/i;
const rawUrls = new WeakMap<IncomingMessage, string>();

/** Connections whose one request has been read. */
const busy = new WeakSet<object>();

/** The public HTTP application; it does not listen yet. */
export function buildApp(ports: AppPorts): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: 1024 * 1024,
    // The lenient parser, because the stock site takes folded header lines and the
    // strict one does not. What makes it a risk, a rest of one request read as the
    // next, cannot happen here: every answer closes its connection.
    http: { maxHeaderSize, insecureHTTPParser: true },
    // What follows a request is not read as the next one; an answer under way is not spoilt by it.
    clientErrorHandler: (error, socket) => {
      if (!socket.writable || busy.has(socket)) {
        return;
      }
      const status =
        error.code === 'HPE_HEADER_OVERFLOW'
          ? '431 Request Header Fields Too Large'
          : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
            ? '408 Request Timeout'
            : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    },
    // Routes see fixed names: a start's address may hold anything, also what no URL may.
    rewriteUrl: (request) => {
      const raw = request.url ?? '/';
      rawUrls.set(request, raw);
      // Whatever its type: fastify would refuse a body whose type it cannot read.
      delete request.headers['content-type'];
      if (busy.has(request.socket)) {
        return '/-/surplus';
      }
      busy.add(request.socket);
      if (isStatusUrl(raw)) {
        return '/-/server-status';
      }
      if (startMark.test(raw)) {
        return '/-/start';
      }
      if (checkTokenMark.test(raw)) {
        return '/-/check-token';
      }
      return /^\/(healthz|readyz)(\?|$)/.test(raw) ? raw : '/-/none';
    },
  });
  // A client that has said all may close its half; it still gets its answer.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method) && method !== 'CONNECT') {
      app.addHttpMethod(method, { hasBody: true });
    }
  }
  app.removeAllContentTypeParsers();
  // A start has no body; one that comes all the same is read and forgotten.
  app.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  // A second request on one connection: its answer would come after the end, so nothing is done for it.
  app.all('/-/surplus', (_request, reply) => {
    reply.hijack();
  });
  // Expectations of a visitor's request that the module has passed on.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  const describe = (raw: IncomingMessage): StartRequest => ({
    url: rawUrls.get(raw) ?? raw.url ?? '/',
    headers: raw.headers,
    peer: raw.socket.remoteAddress ?? '',
    peerPort: raw.socket.remotePort ?? 0,
  });
  const methods = app.supportedMethods.filter((method) => method !== 'HEAD');
  app.route({
    method: methods,
    url: '/-/start',
    handler: async (request, reply) => {
      const answer = await ports.accept(describe(request.raw));
      return say(reply, answer.status, answer.text);
    },
  });
  app.route({
    method: ['GET', 'POST'],
    url: '/-/check-token',
    handler: async (request, reply) => {
      const token = await ports.checkToken(describe(request.raw));
      return token === undefined ? say(reply, 404, 'No such page.\n') : say(reply, 200, token);
    },
  });
  app.get('/-/server-status', ({ raw }, reply) => {
    const answer = ports.serverStatus({ ...describe(raw), method: raw.method ?? 'GET' });
    return answer === undefined
      ? say(reply, 403, 'The server status is not for this address (server_status.allow).\n')
      : say(reply, 200, answer.text, answer.type);
  });
  app.get('/healthz', (_request, reply) => say(reply, 200, `${aliveText}\n`));
  app.get('/readyz', (_request, reply) => {
    const { ready, reason } = ports.readiness();
    return say(reply, ready ? 200 : 503, `${reason}\n`);
  });
  app.setNotFoundHandler((_request, reply) => say(reply, 404, 'No such page.\n'));
  app.setErrorHandler((_error, _request, reply) => say(reply, 400, 'The request cannot be read.\n'));
  return app;
}

function say(reply: FastifyReply, status: number, text: string, type = 'text/plain; charset=utf-8'): FastifyReply {
  return reply
    .code(status)
    .header('content-type', type)
    .header('cache-control', 'no-store')
    .header(drupaldHeader, '1')
    .header('connection', 'close')
    .send(text);
}
