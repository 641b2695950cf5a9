import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { PageServer } from '../harness/page-server.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { newHandle } from '../harness/run.js';
import type { RequestPlan, RequestsSeen } from '../harness/requests.js';

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
});
