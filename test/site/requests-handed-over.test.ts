import { chmod, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { Daemon } from '../harness/daemon.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { fillSlots } from '../harness/fill-slots.js';
import { enableOwnModule } from '../harness/own-module.js';
import { BIG, type EchoedRequest, PageServer } from '../harness/page-server.js';
import type { RequestSeen } from '../harness/requests.js';
import { fence, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

interface Answered extends RequestSeen {
  readonly attempts: number;
  readonly uid: number;
  readonly more: string;
  readonly handle: string;
}

describeSites('requests that are handed over to drupald', ['real'], (kind) => {
  const lease = { env: { DRUPALD_QUEUES_LEASE: '2 s' } };
  const bench = prepareBench(kind, { daemon: { slots: 4, ...lease } });
  let pages: PageServer;
  beforeAll(async () => {
    pages = await PageServer.start();
    await enableOwnModule(bench.site);
  }, 60_000);
  afterAll(async () => {
    await pages.stop();
  });

  const handOver = (url: string, options: object = {}, label = newHandle('request'), uid = 1): Promise<string> =>
    bench.site
      .php<boolean>('return call_user_func_array("drupald_fixture_hand_over", $args);', [uid, url, options, label])
      .then((done) => (done ? label : `${label} was not taken`));
  const answered = async (label: string): Promise<Answered> =>
    detail(await event(bench.site, label, 'answered')) as Answered;
  const answer = async (url: string, options: object = {}): Promise<Answered> => answered(await handOver(url, options));
  const items = (): Promise<unknown[]> =>
    bench.site.sql("SELECT item_id, expire FROM {queue} WHERE name = 'drupald_http'");

  test('the callback is started with the answer, as who asked, and once', async () => {
    const seen = await answer(`${pages.address}/plain`);
    expect(seen).toMatchObject({
      url: `${pages.address}/plain`,
      code: 200,
      error: null,
      data: 'page /plain',
      status_message: 'OK',
      attempts: 1,
      uid: 1,
      more: 'e900',
      ended: true,
      headers: expect.objectContaining({ 'x-mixed-case': 'Kept' }) as object,
    });
    expect(seen.handle).toMatch(/^drupald_http:\d+:\d+$/);
    const nobody = await answered(await handOver(`${pages.address}/plain`, {}, newHandle('nobody'), 0));
    expect(nobody.uid).toBe(0);
    await waitFor(async () => (await items()).length === 0, { what: 'the items to be done', seen: items });
    await fence(bench);
    expect(await events(bench.site, undefined, 'answered')).toHaveLength(2);
  });

  test('method, body, headers and redirects are what was asked for', async () => {
    const other = pages.address.replace('127.0.0.1', '127.0.0.2');
    const posted = await answer(`${pages.address.replace('//', '//me:p%40ss@')}/echo?x=y z`, {
      method: 'POST',
      data: 'a=1',
      headers: { 'X-Own': 'yes', 'Content-Type': 'text/plain' },
    });
    expect(JSON.parse(posted.data ?? '') as EchoedRequest).toMatchObject({
      method: 'POST',
      body: 'a=1',
      url: '/echo?x=y%20z',
      headers: { 'x-own': 'yes', authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
    });
    const led = await answer(`${pages.address}/moved?code=303&to=${other}/echo`, {
      method: 'POST',
      data: 'a=1',
      headers: { Cookie: 'secret' },
    });
    expect(led).toMatchObject({ code: 200, redirect_code: 303, redirect_url: `${other}/echo`, url: `${other}/echo` });
    const echoed = JSON.parse(led.data ?? '') as EchoedRequest;
    expect(echoed).toMatchObject({ method: 'GET', body: '' });
    expect(echoed.headers).not.toHaveProperty('cookie');
  });

  test('every end is told, and what may pass is tried again', async () => {
    const quick = { pause: 0.01, retries: 2 };
    const at = pages.address;
    const [missing, busy, posted, refused, unknown, silent, cut, large] = await Promise.all([
      answer(`${at}/status/404`, quick),
      answer(`${at}/status/503`, quick),
      answer(`${at}/status/503`, { ...quick, method: 'POST' }),
      answer('http://127.0.0.1:1/', quick),
      answer('http://nowhere.invalid/', { ...quick, retries: 0 }),
      answer(`${at}/never`, { ...quick, retries: 0, timeout: 0.2 }),
      answer(`${at}/cut`, quick),
      answer(`${at}/big`, quick),
    ]);
    expect(missing).toMatchObject({ code: 404, error: 'Not Found', data: 'status 404', attempts: 1 });
    expect(busy).toMatchObject({ code: 503, attempts: 3 });
    expect(posted).toMatchObject({ code: 503, attempts: 1 });
    expect(refused).toMatchObject({ code: -111, attempts: 3 });
    expect(unknown).toMatchObject({ code: -2006 });
    expect(silent).toMatchObject({ code: -1, error: 'request timed out' });
    expect(cut).toMatchObject({ code: -2056, attempts: 3 });
    expect(large).toMatchObject({ code: -1006, attempts: 1 });
  });

  test('a body goes to a file as a whole or not at all', async () => {
    const folder = await mkdtemp(join(bench.suite.folder, 'handed-'));
    await chmod(folder, 0o777);
    const to = (name: string): object => ({ file: join(folder, name), pause: 0.01 });
    const big = await answer(`${pages.address}/big`, to('big'));
    expect(big).toMatchObject({ code: 200, data: '', file: join(folder, 'big') });
    expect(await answer(`${pages.address}/cut`, to('cut'))).toMatchObject({ code: -2056 });
    expect(await answer(`${pages.address}/status/404`, to('missing'))).toMatchObject({ code: 404, data: 'status 404' });
    expect(await readdir(folder)).toEqual(['big']);
    expect((await readFile(join(folder, 'big'))).equals(Buffer.alloc(BIG, 'drupald '))).toBe(true);
  });

  test('private addresses can be refused, also by name and behind a redirect', async () => {
    pages.forget();
    const { port } = pages;
    for (const host of ['127.0.0.1', 'localhost', '127.1', '[::1]']) {
      expect(await answer(`http://${host}:${port}/`, { private: false })).toMatchObject({ code: -1004, attempts: 1 });
    }
    expect(pages.traffic.connections).toBe(0);
    const one = { private: ['127.0.0.1'] };
    expect(await answer(`http://127.0.0.1:${port}/fine`, one)).toMatchObject({ code: 200 });
    const led = await answer(`http://127.0.0.1:${port}/moved?to=http://127.0.0.2:${port}/`, one);
    expect(led).toMatchObject({ code: -1004, redirect_code: 302 });
  });

  test('what is under way when drupald stops is made again by the next one', async () => {
    pages.forget();
    // Answered when there are two of them.
    const label = await handOver(`${pages.address}/held/2`);
    await waitFor(() => pages.traffic.requests === 1, { what: 'the request' });
    await bench.restart();
    expect(await answered(label)).toMatchObject({ code: 200, data: 'held' });
    await waitFor(async () => (await items()).length === 0, { what: 'the items to be done', seen: items });
    expect(await events(bench.site, label, 'answered')).toHaveLength(1);
  });

  test('what no request can be made of is not taken', async () => {
    expect(await handOver('ftp://127.0.0.1/', {}, 'ftp')).toBe('ftp was not taken');
    expect(await handOver('http://127.0.0.1/', { file: '/no/such/folder/file' }, 'file')).toBe('file was not taken');
  });

  test('what is under way when drupald is killed is made again, and its callback is started once', async () => {
    pages.forget();
    const label = await handOver(`${pages.address}/held/2`);
    await waitFor(() => pages.traffic.requests === 1, { what: 'the request' });
    await bench.daemon.kill9();
    await bench.restart(lease);
    expect(await answered(label)).toMatchObject({ code: 200, data: 'held' });
    await waitFor(async () => (await items()).length === 0, { what: 'the items to be done', seen: items });
    await fence(bench);
    expect(pages.traffic.requests).toBe(2);
    expect(await events(bench.site, label, 'answered')).toHaveLength(1);
  });

  test('a callback that waits for a slot when drupald is killed is started once, and the request is not made again', async () => {
    pages.forget();
    const gates = Array.from({ length: 4 }, () => newHandle('gate'));
    await fillSlots(bench.site, bench.caller, gates, []);
    const label = await handOver(`${pages.address}/plain`);
    await waitFor(
      async () => {
        const rows = await bench.site.sql(
          "SELECT 1 FROM {background_process} WHERE handle LIKE 'drupald|_http:%' ESCAPE '|' AND exec_status = 3",
        );
        return rows.length === 1 && (await items()).length === 0;
      },
      { what: 'the callback to wait' },
    );
    await bench.daemon.kill9();
    await bench.restart(lease);
    for (const gate of gates) await openGate(bench.site, gate);
    expect(await answered(label)).toMatchObject({ code: 200, data: 'page /plain' });
    await fence(bench);
    expect(pages.traffic.requests).toBe(1);
    expect(await events(bench.site, label, 'answered')).toHaveLength(1);
  });

  test('a request outlives its lease as long as its daemon lives', async () => {
    pages.forget();
    const first = await handOver(`${pages.address}/held/2`);
    const leaseOf = async (): Promise<number> => ((await items()) as { expire: number }[])[0]?.expire ?? 0;
    await waitFor(() => pages.traffic.requests === 1, { what: 'the request' });
    const begun = await leaseOf();
    await waitFor(async () => (await leaseOf()) > begun + 3, { what: 'its lease to be renewed' });
    const second = await handOver(`${pages.address}/held/2`);
    for (const label of [first, second]) expect(await answered(label)).toMatchObject({ code: 200, attempts: 1 });
    expect(pages.traffic.requests).toBe(2);
  });

  describe('two daemons on one queue', () => {
    let second: Daemon | undefined;
    const two = { env: { ...lease.env, DRUPALD_REQUESTS_MAX: '2' } };

    beforeAll(async () => {
      await bench.restart(two);
    }, 60_000);
    afterAll(async () => {
      if (bench.daemon.exitCode === null) process.kill(bench.daemon.pid, 'SIGCONT');
      await second?.stop();
      await second?.forget();
    });

    const once = async (labels: readonly string[]): Promise<void> => {
      for (const label of labels) expect(await answered(label)).toMatchObject({ code: 200, attempts: 1 });
      await waitFor(async () => (await items()).length === 0, { what: 'the items to be done', seen: items });
      await fence(bench);
      for (const label of labels) expect(await events(bench.site, label, 'answered'), label).toHaveLength(1);
    };

    test('what one of them had in hand when it froze is made by the other, and told once', async () => {
      pages.forget();
      const labels = await Promise.all([1, 2].map(() => handOver(`${pages.address}/held/4`)));
      await waitFor(() => pages.traffic.requests === 2, { what: 'both to be under way' });
      process.kill(bench.daemon.pid, 'SIGSTOP');
      const sites = [{ root: bench.site.root, uris: bench.site.uris }];
      second = await Daemon.start({ sites, folder: bench.suite.folder, slots: 4, ...two });
      // Now there are four of them, and all are answered.
      for (const label of labels) expect(await answered(label)).toMatchObject({ code: 200, data: 'held' });
      process.kill(bench.daemon.pid, 'SIGCONT');
      await once(labels);
      expect(pages.traffic.requests).toBe(4);
    });

    test('share it: each request is made and answered once', async () => {
      pages.forget();
      const held = await Promise.all(Array.from({ length: 4 }, () => handOver(`${pages.address}/held/4`)));
      await once(held);
      const many = await Promise.all(Array.from({ length: 20 }, () => handOver(`${pages.address}/plain`)));
      await once(many);
      expect(pages.traffic).toMatchObject({ requests: 24, flights: 4 });
    });
  });

  test('how many are under way, connections to a host and bodies are limited by settings', async () => {
    await bench.restart({
      env: {
        ...lease.env,
        DRUPALD_REQUESTS_MAX: '5',
        DRUPALD_REQUESTS_PER_HOST: '2',
        DRUPALD_REQUESTS_BODY_MAX: '4 MB',
      },
    });
    pages.forget();
    const labels = await Promise.all(Array.from({ length: 6 }, () => handOver(`${pages.address}/held/2`)));
    for (const label of labels) expect(await answered(label)).toMatchObject({ code: 200, data: 'held' });
    expect(pages.traffic).toMatchObject({ requests: 6, flights: 2, connections: 2 });
    const large = await answer(`${pages.address}/big`);
    expect(large).toMatchObject({ code: 200, data: expect.stringMatching(new RegExp(`^${BIG} `)) as string });
  });
});
