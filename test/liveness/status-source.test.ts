import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { StatusSource } from '../../src/liveness/status-source.js';
import { MARK, statusText } from '../harness/status-pages.js';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server for one test; answers host and port, and what it was asked. */
async function serve(answer: RequestListener): Promise<{ address: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A recorded page as the answer to a request: it lists that request. */
function page(name: string, request: IncomingMessage): string {
  return statusText(name).replaceAll(MARK, (request.url ?? '').split('?')[1] ?? '');
}

test('a page is asked for once in a sweep, with user, password and Host of its service host', async () => {
  const { address, asked } = await serve((request, response) => response.end(page('prefork-idle.html', request)));
  const source = new StatusSource();
  const url = `http://wat%3Ach:s3%20cret@${address}/server-status?auto`;
  const both = await Promise.all([1, 2].map(() => source.read({ url, httpHost: 'www.example.com' })));
  expect(both[0]?.page).toMatchObject({ kind: 'page', mpm: 'prefork' });
  expect(both[1]).toBe(both[0]);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.headers).toMatchObject({
    host: 'www.example.com',
    authorization: `Basic ${Buffer.from('wat:ch:s3 cret').toString('base64')}`,
  });
  expect(asked[0]?.url).toMatch(/^\/server-status\?drupald=[0-9a-f]{12}$/);
});

test('another Host is another page, and so is the next sweep', async () => {
  const { address, asked } = await serve((request, response) => response.end(page('prefork-idle.html', request)));
  const url = `http://${address}/server-status`;
  const source = new StatusSource();
  await source.read({ url, httpHost: '' });
  await source.read({ url, httpHost: 'www.example.com' });
  await new StatusSource().read({ url, httpHost: '' });
  expect(asked.map(({ headers }) => headers.host)).toEqual([address, 'www.example.com', address]);
  expect(new Set(asked.map((request) => request.url)).size).toBe(3);
});

test('a page that was kept from an earlier request tells nothing', async () => {
  const { address } = await serve((_, response) => response.end(statusText('prefork-idle.html')));
  const { page: read } = await new StatusSource().read({ url: `http://${address}/`, httpHost: '' });
  expect(read).toMatchObject({ kind: 'none', reason: expect.stringContaining('not of this moment') as string });
});

test.each([301, 401, 403, 404, 500, 503])('an answer with %i tells nothing', async (status) => {
  const { address } = await serve((request, response) => {
    response.writeHead(status, { location: '/elsewhere' }).end(page('prefork-idle.html', request));
  });
  const { page: read } = await new StatusSource().read({ url: `http://u:p@${address}/server-status`, httpHost: '' });
  expect(read).toEqual({ kind: 'none', reason: `its address answers with ${status}` });
});

test('no more than 1 MB is read', async () => {
  const { address } = await serve((request, response) => {
    response.write(page('prefork-idle.html', request).replace('</body></html>\n', ''));
    const more = (): void => {
      while (response.write(' '.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  });
  const { page: read } = await new StatusSource().read({ url: `http://${address}/`, httpHost: '' });
  expect(read).toEqual({ kind: 'none', reason: 'it is longer than 1 MB' });
});

test('a connection that is refused or cut tells nothing, and its reason names no password', async () => {
  const { address } = await serve((request, response) => {
    response.write(page('prefork-idle.html', request).slice(0, 2000), () => response.destroy());
  });
  const source = new StatusSource();
  for (const url of [`http://watch:s3cret@${address}/`, 'http://watch:s3cret@127.0.0.1:1/', 'http://']) {
    const { page: read } = await source.read({ url, httpHost: '' });
    expect(read).toMatchObject({ kind: 'none', reason: expect.stringContaining('cannot be read') as string });
    expect(JSON.stringify(read)).not.toContain('s3cret');
  }
});
