import { chmod, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { enableOwnModule } from '../harness/own-module.js';
import { BIG, type EchoedRequest, PageServer } from '../harness/page-server.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { newHandle } from '../harness/run.js';
import { makeCertificate } from '../harness/tls.js';
import { type RequestPlan, type RequestSeen, requestsOf, type RequestsSeen } from '../harness/requests.js';

describeSites('requests of callbacks', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });
  let pages: PageServer;
  beforeAll(async () => {
    pages = await PageServer.start();
  });
  afterAll(async () => {
    await pages.stop();
  });

  (hasApache() ? describe : describe.skip)("by the module's own functions", () => {
    const apache = prepareApache(bench);

    beforeAll(async () => {
      const host = new URL(bench.site.uris[0] ?? '').host;
      const hosts = { default: `http://127.0.0.1:${bench.daemon.port}`, apache: apache.address };
      await bench.site.configure({
        conf: {
          background_process_service_hosts: Object.fromEntries(
            Object.entries(hosts).map(([name, base_url]) => [name, { base_url, http_host: host }]),
          ),
        },
      });
    });

    /** What a callback sees in a worker of drupald, after it has been found that it sees the same under mod_php. */
    async function alike(callback: string, argument: unknown): Promise<RequestsSeen> {
      const seen: unknown[] = [];
      for (const host of ['default', 'apache']) {
        const handle = newHandle(`requests-${host}`);
        const started = await bench.site.php<unknown>(
          '$p = new BackgroundProcess($args[0]); $p->service_host = $args[1]; return $p->start($args[2], array($args[3]));',
          [handle, host, callback, argument],
        );
        expect(started).toBe(true);
        const found = detail(await event(bench.site, handle, 'requests')) as RequestsSeen;
        // Those that are under way together end in any order.
        const told = typeof found.told === 'number' ? found.told : found.told.map(String).sort();
        seen.push({ ...found, told });
      }
      const [worker, stock] = seen as [RequestsSeen, RequestsSeen];
      expect([worker.sapi, stock.sapi]).toEqual(['cli', 'apache2handler']);
      expect(worker).toEqual({ ...stock, sapi: 'cli' });
      return worker;
    }

    const plan = (requests: RequestPlan['requests'], process: RequestPlan['process'] = {}): RequestPlan => ({
      functions: 'background_process',
      requests,
      process,
    });
    const postponed = { postpone: true, told: true } as const;

    for (const [name, told] of [
      ['in_turn', 0],
      ['at_once', 0],
      ['with_callback', 10],
    ] as const) {
      test(`the snippet "${name.replace('_', ' ')}" of its documentation gives what it gives under mod_php`, async () => {
        const seen = await alike(`drupald_fixture_requests_${name}`, pages.address);
        expect(seen.results).toEqual(Array.from({ length: 10 }, (_, index) => `200 page /stuff/${index}`));
        expect(seen.told).toBe(told);
      });
    }

    test('pages, errors, redirects, headers and bodies are the same as under mod_php', async () => {
      const at = pages.address;
      const { results, told } = await alike(
        'drupald_fixture_requests',
        plan(
          {
            plain: [`${at}/plain`, postponed],
            missing: [`${at}/status/404`, postponed],
            teapot: [`${at}/status/418`, postponed],
            moved: [`${at}/moved?to=${at}/there`, postponed],
            stays: [`${at}/moved?to=${at}/there`, { ...postponed, max_redirects: 0 }],
            cookies: [`${at}/cookies`, postponed],
            big: [`${at}/big`, postponed],
            post: [
              `${at}/echo`,
              { ...postponed, method: 'POST', data: 'a=1', headers: { 'X-Own': 'yes', 'Content-Type': 'text/plain' } },
            ],
            signed: [`${at.replace('//', '//me:secret@')}/echo`, postponed],
            now: [`${at}/now`, { told: true }],
            waited: [`${at}/waited`, { told: true, blocking: true }],
            refused: ['http://127.0.0.1:1/', postponed],
            kind: ['ftp://127.0.0.1/', postponed],
            half: ['/plain', postponed],
          },
          { limit: 3, interval: 0.005 },
        ),
      );
      expect(results['plain']).toMatchObject({ code: '200', data: 'page /plain', status_message: 'OK', error: null });
      expect(results['missing']).toMatchObject({ code: '404', error: 'Not Found', data: 'status 404' });
      expect(results['teapot']).toMatchObject({ code: 400 });
      expect(results['moved']).toMatchObject({ code: '200', data: 'page /there', redirect_code: '302' });
      expect(results['stays']).toMatchObject({ code: '302', redirect_url: `${at}/there`, data: 'moved' });
      expect(results['cookies']?.headers).toMatchObject({ 'set-cookie': 'a=1,b=2', 'x-mixed-case': 'Kept' });
      expect(JSON.parse(results['post']?.data ?? '')).toMatchObject({ method: 'POST', body: 'a=1' });
      expect(JSON.parse(results['signed']?.data ?? '')).toMatchObject({
        headers: { authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` },
      });
      expect(results['refused']).toMatchObject({ code: -111, error: 'Connection refused' });
      expect([results['kind']?.code, results['half']?.code]).toEqual([-1003, -1002]);
      expect(told).toHaveLength(14);
    });

    test('it falls short where it does under mod_php: a silent server tells nobody, and a cut line has no error', async () => {
      const { results, told } = await alike(
        'drupald_fixture_requests',
        plan(
          {
            silent: [`${pages.address}/never`, { ...postponed, timeout: 0.2 }],
            cut: [`${pages.address}/cut/head`, postponed],
          },
          { timeout: 2 },
        ),
      );
      expect(results['silent']).toMatchObject({ code: null, error: null, ended: false });
      expect(results['cut']).toMatchObject({ code: 0, data: null });
      expect(told).toHaveLength(1);
    });
  });

  describe("by drupald's functions", () => {
    beforeAll(async () => {
      await enableOwnModule(bench.site);
    }, 60_000);

    const run = (requests: RequestPlan['requests'], process: RequestPlan['process'] = {}): Promise<RequestsSeen> =>
      requestsOf(bench, { functions: 'drupald', requests, process });
    const told = { postpone: true, told: true } as const;
    /** The request as the server has seen it. */
    const echoed = (seen: RequestSeen | undefined): EchoedRequest => JSON.parse(seen?.data ?? 'null') as EchoedRequest;
    const many = (count: number, url: string, options: Readonly<Record<string, unknown>> = told) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${url} ${index}`, [url, options] as const]));
    const codes = (seen: RequestsSeen): (string | number | null)[] =>
      Object.values(seen.results).map(({ code }) => code);

    test('results have the fields of the module, and each callback is called once', async () => {
      const at = pages.address;
      const seen = await run({
        plain: [`${at}/plain`, told],
        feed: [`${at.replace('http', 'feed')}/feed`, told],
        missing: [`${at}/status/404`, told],
        created: [`${at}/status/201`, told],
        cookies: [`${at}/cookies`, told],
        big: [`${at}/big`, told],
        packed: [`${at}/packed`, told],
        unpacked: [`${at}/packed`, { ...told, headers: { 'Accept-Encoding': 'identity' } }],
        half: [`${at}/cut`, told],
        cut: [`${at}/cut/head`, told],
        refused: ['http://127.0.0.1:1/', told],
        unknown: ['http://nowhere.invalid/', told],
        kind: ['ftp://127.0.0.1/', told],
        nothing: ['/plain', told],
        bad: ['http:///', told],
        now: [`${at}/now`, { told: true }],
        waited: [`${at}/waited`, { told: true, blocking: true }],
      });
      const { results } = seen;
      expect(results['plain']).toMatchObject({
        url: `${at}/plain`,
        code: 200,
        error: null,
        protocol: 'HTTP/1.1',
        status_message: 'OK',
        data: 'page /plain',
        request: expect.stringContaining('GET /plain HTTP/1.1\r\n') as string,
        headers: expect.objectContaining({ 'x-mixed-case': 'Kept' }) as object,
      });
      expect(results['missing']).toMatchObject({ code: 404, error: 'Not Found', data: 'status 404' });
      expect(results['created']).toMatchObject({ code: 201, error: null });
      expect(results['cookies']?.headers).toMatchObject({ 'set-cookie': 'a=1,b=2' });
      expect(results['big']?.data).toMatch(new RegExp(`^${BIG} `));
      expect([results['packed'], results['unpacked']].map((one) => one?.data)).toEqual(['packed', 'plain']);
      expect(results['packed']?.headers?.['content-encoding']).toMatch(/^(br|gzip)$/);
      expect(results['half']).toMatchObject({
        code: -2018,
        data: 'half',
        error: expect.stringContaining('transfer closed') as string,
      });
      expect(results['cut']).toMatchObject({ code: -2052, error: expect.stringContaining('Empty reply') as string });
      expect(results['refused']).toMatchObject({ code: -111, error: expect.stringContaining('connect') as string });
      expect(results['unknown']).toMatchObject({
        code: -2006,
        error: expect.stringContaining('nowhere.invalid') as string,
      });
      expect(['kind', 'nothing', 'bad'].map((name) => results[name]?.code)).toEqual([-1003, -1002, -1001]);
      expect(['feed', 'now', 'waited'].map((name) => results[name]?.code)).toEqual([200, 200, 200]);
      for (const [name, one] of Object.entries(results)) expect([name, one.ended]).toEqual([name, true]);
      const ends = (all: readonly (readonly unknown[])[]): string[] => all.map(String).sort();
      expect(ends(seen.told)).toEqual(ends(Object.values(results).map(({ code, url }) => [code, url])));
    });

    test('method, body, headers and who asks arrive, and nothing breaks out of them', async () => {
      const at = pages.address;
      const { results } = await run({
        post: [`${at}/echo`, { ...told, method: 'POST', data: 'a=1', headers: { 'Content-Type': 'text/x-own' } }],
        bare: [`${at}/echo`, { ...told, method: 'POST' }],
        put: [`${at}/echo?x y=é`, { ...told, method: 'PUT', data: 'body' }],
        signed: [`${at.replace('//', '//me%40home:p%3Ass@')}/echo`, told],
        headers: [`${at}/echo`, { ...told, headers: { 'X-Own': 'one\r\nX-Smuggled: two', 'X-Empty': '' } }],
        named: [`${at}/echo`, { ...told, headers: { Host: 'other.example', 'User-Agent': 'Own' } }],
      });
      expect(echoed(results['post'])).toMatchObject({
        method: 'POST',
        body: 'a=1',
        headers: { 'content-type': 'text/x-own' },
      });
      expect(echoed(results['bare'])).toMatchObject({ method: 'POST', body: '', headers: { 'content-length': '0' } });
      expect(echoed(results['bare']).headers).not.toHaveProperty('content-type');
      expect(echoed(results['put'])).toMatchObject({ method: 'PUT', body: 'body', url: '/echo?x%20y=%C3%A9' });
      const basic = `Basic ${Buffer.from('me@home:p:ss').toString('base64')}`;
      expect(echoed(results['signed']).headers['authorization']).toBe(basic);
      const { headers } = echoed(results['headers']);
      expect(headers).toMatchObject({ 'x-own': 'one X-Smuggled: two', 'x-empty': '' });
      expect(headers).not.toHaveProperty('x-smuggled');
      expect(echoed(results['named']).headers).toMatchObject({ host: 'other.example', 'user-agent': 'Own' });
    });

    test('redirects are followed as far as asked for, and take no secrets to another host', async () => {
      const at = pages.address;
      const other = at.replace('127.0.0.1', '127.0.0.2');
      const secret = { ...told, headers: { Cookie: 'secret', 'X-Own': 'yes' } } as const;
      const moved = (to: string, code = 302): string => `${at}/moved?code=${code}&to=${encodeURIComponent(to)}`;
      const { results } = await run({
        away: [moved(`${other}/echo`).replace('//', '//me:pass@'), secret],
        here: [moved('/echo').replace('//', '//me:pass@'), secret],
        beside: [moved('echo?q=1#part'), told],
        posted: [moved('/echo', 303), { ...told, method: 'POST', data: 'a=1' }],
        kept: [moved('/echo', 307), { ...told, method: 'POST', data: 'a=1' }],
        loop: [moved('?to=?to=1'), { ...told, max_redirects: 2 }],
        stays: [moved('/echo'), { ...told, max_redirects: 0 }],
        elsewhere: [moved('file:///etc/passwd'), told],
      });
      expect(results['away']).toMatchObject({ code: 200, redirect_code: 302, redirect_url: `${other}/echo` });
      expect(echoed(results['away']).headers).toMatchObject({ 'x-own': 'yes', host: new URL(other).host });
      expect(Object.keys(echoed(results['away']).headers)).not.toEqual(expect.arrayContaining(['cookie']));
      expect(echoed(results['away']).headers).not.toHaveProperty('authorization');
      expect(echoed(results['here']).headers).toMatchObject({
        cookie: 'secret',
        authorization: expect.any(String) as string,
      });
      expect(echoed(results['beside']).url).toBe('/echo?q=1');
      expect(echoed(results['posted'])).toMatchObject({ method: 'GET', body: '' });
      expect(echoed(results['kept'])).toMatchObject({ method: 'POST', body: 'a=1' });
      expect(results['loop']).toMatchObject({ code: 302, error: null, redirect_code: 302 });
      expect(results['stays']).toMatchObject({ code: 302, redirect_url: `${at}/echo`, data: 'moved' });
      expect(results['elsewhere']).toMatchObject({ code: -1003 });
    });

    test('time-outs hold: of one request once it is connected, and of all together, also for those that wait', async () => {
      const at = pages.address;
      const alone = await run({ silent: [`${at}/never`, { ...told, timeout: 0.2 }], fine: [`${at}/fine`, told] });
      expect(alone.results['silent']).toMatchObject({ code: -1, error: 'request timed out', ended: true });
      expect(alone.results['fine']?.code).toBe(200);
      const together = await run(many(6, `${at}/never`), { timeout: 0.3, limit: 2 });
      expect(codes(together)).toEqual([-1, -1, -1, -1, -1, -1]);
      expect([alone.told.length, together.told.length]).toEqual([2, 6]);
    });

    test('as many as the limit says are under way together, over as many connections', async () => {
      pages.forget();
      // Answered only when five of them are there.
      const seen = await run(many(20, `${pages.address}/held/5`), { limit: 5 });
      expect(codes(seen)).toEqual(Array.from({ length: 20 }, () => 200));
      expect(pages.traffic).toEqual({ requests: 20, flights: 5, connections: 5 });
      pages.forget();
      await run(many(10, `${pages.address}/turn`), { limit: 1 });
      expect(pages.traffic).toEqual({ requests: 10, flights: 1, connections: 1 });
    });

    test('addresses that nobody answers at keep nobody from going on', async () => {
      const dead = { ...told, connect_timeout: 60 };
      const seen = await run(
        { ...many(4, 'http://{dead}/', dead), ...many(8, `${pages.address}/held/2`) },
        { limit: 2, timeout: 3 },
      );
      expect(codes(seen)).toEqual([-1, -1, -1, -1, ...Array.from({ length: 8 }, () => 200)]);
      expect(seen.told).toHaveLength(12);
    });

    test('a body goes to a file as a whole or not at all', async () => {
      const folder = await mkdtemp(join(bench.suite.folder, 'bodies-'));
      await chmod(folder, 0o777);
      const to = (name: string) => ({ ...told, file: join(folder, name) });
      const at = pages.address;
      const { results } = await run({
        big: [`${at}/moved?to=/big`, to('big')],
        packed: [`${at}/packed`, to('packed')],
        missing: [`${at}/status/404`, to('missing')],
        cut: [`${at}/cut`, to('cut')],
        nowhere: [`${at}/big`, to('no/such/folder')],
      });
      expect(results['big']).toMatchObject({ code: 200, data: '', file: join(folder, 'big') });
      expect(results['missing']).toMatchObject({ code: 404, data: 'status 404', file: null });
      expect([results['cut']?.code, results['nowhere']?.code]).toEqual([-2018, -2023]);
      expect(results['nowhere']?.error).toMatch(/^cannot write .*folder$/);
      expect((await readdir(folder)).sort()).toEqual(['big', 'packed']);
      expect((await readFile(join(folder, 'big'))).equals(Buffer.alloc(BIG, 'drupald '))).toBe(true);
      expect(await readFile(join(folder, 'packed'), 'utf8')).toBe('packed');
    });

    test('private addresses can be refused, however they are written and also behind a redirect', async () => {
      pages.forget();
      const { port } = pages;
      const at = (host: string): string => `http://${host}:${port}/`;
      const closed = { ...told, private: false };
      const one = { ...told, private: ['127.0.0.1/32'] };
      const hosts = ['127.0.0.1', 'localhost', 'localhost.', '127.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]'];
      const refused = await run(Object.fromEntries(hosts.map((host) => [host, [at(host), closed] as const])));
      expect(Object.fromEntries(Object.entries(refused.results).map(([host, { code }]) => [host, code]))).toEqual(
        Object.fromEntries(hosts.map((host) => [host, -1004])),
      );
      expect(pages.traffic.connections).toBe(0);
      const { results } = await run({
        allowed: [`${at('localhost')}fine`, one],
        led: [`${at('127.0.0.1')}moved?to=${at('127.0.0.2')}`, one],
        unknown: ['http://nowhere.invalid/', closed],
        // Not every resolver takes it for an address.
        odd: [at('0x7f.0.0.1'), closed],
      });
      expect([-1004, -2006]).toContain(results['odd']?.code);
      expect(results['allowed']).toMatchObject({ code: 200, data: 'page /fine' });
      expect(results['led']).toMatchObject({ code: -1004, error: 'private address', redirect_code: 302 });
      expect(results['unknown']).toMatchObject({ code: -2006 });
      expect(pages.traffic.requests).toBe(2);
    });

    test('encrypted connections are checked, carry HTTP/2, and many requests at a time', async () => {
      const certificate = await readFile(await makeCertificate(bench.suite.folder));
      const server = createSecureServer({ key: certificate, cert: certificate });
      let connections = 0;
      server.on('secureConnection', () => (connections += 1));
      server.on('stream', (stream) => {
        stream.end('secure');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      try {
        const checked = await run({ one: [url, told] });
        expect(checked.results['one']).toMatchObject({
          code: -2060,
          error: expect.stringMatching(/certificate/) as string,
        });
        await bench.site.variable('background_process_ssl_verification', false);
        connections = 0;
        const seen = await run(many(20, url));
        expect(new Set(Object.values(seen.results).map(({ protocol, data }) => `${protocol} ${data}`))).toEqual(
          new Set(['HTTP/2 secure']),
        );
        expect([connections, seen.told.length]).toEqual([1, 20]);
      } finally {
        await bench.site.variable('background_process_ssl_verification', true);
        server.close();
      }
    });
  });
});
