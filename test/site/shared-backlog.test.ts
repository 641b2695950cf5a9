import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import type { Daemon } from '../harness/daemon.js';
import { drupald } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { detail, event, events, openGate, shutdowns, type FixtureEvent } from '../harness/fixture-log.js';
import { Pool } from '../harness/pool.js';
import { RedisServer } from '../harness/redis-server.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

const mark = 'drupald_fixture_mark';
const gateCallback = 'drupald_fixture_gate';
const hosts = ['www1', 'www2', 'www3'];

describeSites('a backlog that daemons share', ['real'], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let redis: RedisServer;
  let pool: Pool;

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    redis = await RedisServer.start(suite.folder, 'se/cr@t of Redis');
    pool = await Pool.start(site, suite, hosts, {
      slots: 2,
      env: {
        DRUPALD_BACKLOG_REDIS: redis.url,
        DRUPALD_POOL_TAKE_OVER: '1 s',
        DRUPALD_CALLBACKS_POOL_SLOTS: '{ drupald_fixture_sleeps: 2 }',
        DRUPALD_CALLBACKS_RATE: '{ drupald_fixture_returns: 2/1 s }',
        DRUPALD_CALLBACKS_PRIORITY: '{ drupald_fixture_environment: 10 }',
      },
    });
  }, 120_000);

  afterAll(async () => {
    await pool.stop();
    await redis.stop();
    await site.close();
    await suite.close();
  }, 60_000);

  const handles = (name: string, count: number): string[] => Array.from({ length: count }, () => newHandle(name));
  const is = async (handle: string, status: number): Promise<boolean> =>
    (await readRow(site, handle))?.exec_status === status;

  /** Takes the slots of these hosts until the gate of their name is opened; the processes that do. */
  async function fill(name: string, which: readonly string[] = hosts): Promise<string[]> {
    const all: string[] = [];
    for (const host of which) {
      const two = handles(`${name}-${host}`, 2);
      expect(await pool.start(host, gateCallback, two, [`${name}-${host}`])).toEqual([true, true]);
      await Promise.all(two.map((handle) => event(site, handle, 'gate')));
      all.push(...two);
    }
    return all;
  }
  const open = (name: string, which: readonly string[] = hosts): Promise<unknown> =>
    Promise.all(which.map((host) => openGate(site, `${name}-${host}`)));

  /** Starts processes at www1 that wait in Redis. */
  async function share(name: string, count: number, callback = mark, host = 'www1'): Promise<string[]> {
    const sent = handles(name, count);
    expect(await pool.start(host, callback, sent)).toEqual(sent.map(() => true));
    for (const handle of sent) {
      await waitFor(() => pool.said('start.shared', handle).includes(host), { what: `${handle} to be shared` });
    }
    return sent;
  }

  /** The same of one whose request has a language and headers. */
  async function shareWithContext(name: string, host: string): Promise<{ handle: string; token: string }> {
    const handle = newHandle(name);
    const token = await insertRow(site, { handle, callback: 'drupald_fixture_environment', serviceHost: host });
    const answer = await post(pool.member(host).port, `/da${startPath(handle, token)}`, {
      host: 'site.test',
      headers: ['Accept-Language: da', 'Cookie: secret=1'],
    });
    expect(answer.status, answer.body).toBe(200);
    await waitFor(() => pool.said('start.shared', handle).length === 1, { what: 'it to be shared' });
    return { handle, token };
  }

  /** It saw them. */
  async function sawContext(handle: string): Promise<FixtureEvent> {
    const seen = await event(site, handle, 'environment');
    expect(detail(seen)).toMatchObject({
      server: { REQUEST_URI: `/da/bgp-start/${handle}`, HTTP_ACCEPT_LANGUAGE: 'da', REMOTE_ADDR: '127.0.0.1' },
      cookie: 0,
    });
    return seen;
  }

  /** Each has run once, and its hook was told once. */
  async function ranOnce(all: readonly string[], what = 'mark'): Promise<void> {
    for (const handle of all) {
      expect(await shutdowns(site, handle), handle).toMatchObject([{ message: null }]);
      expect(await events(site, handle, what), handle).toHaveLength(1);
    }
  }

  test('what waits at one daemon runs on those that have slots, each once', async () => {
    const own = await fill('spread', ['www1']);
    // Four that do not end need the slots of both others.
    const gates = handles('spread-gate', 4);
    expect(await pool.start('www1', gateCallback, gates, ['spread-others'])).toEqual([true, true, true, true]);
    await Promise.all(gates.map((handle) => event(site, handle, 'gate')));
    const takers = gates.flatMap((handle) => pool.said('start.delivered', handle));
    expect(takers.sort()).toEqual(['www2', 'www2', 'www3', 'www3']);
    const waiting = await share('spread', 20);
    const { sharedBacklog } = (await pool.member('www2').daemon.ps()) as {
      sharedBacklog: { state: string; sites: { active: number }[] };
    };
    expect(sharedBacklog).toMatchObject({ state: 'shared', sites: [{ own: 0 }] });
    await openGate(site, 'spread-others');
    await ranOnce(waiting);
    await ranOnce(gates, 'gate');
    await open('spread', ['www1']);
    await ranOnce(own, 'gate');
    expect(await redis.ask('KEYS', '*:s????????????????????????????????????????')).toBe('');
  });

  test('language, address and headers of the request go along; higher priorities come first', async () => {
    const gates = await fill('context');
    const waiting = await share('context-mark', 3);
    const { handle, token } = await shareWithContext('context', 'www1');
    const dump = await redis.ask(
      '--no-raw',
      'EVAL',
      "local r={} for _,k in ipairs(redis.call('KEYS','*:s*')) do if redis.call('TYPE',k).ok=='hash' then r[#r+1]=redis.call('HGET',k,'data') or '' end end return r",
      '0',
    );
    expect(dump).toContain(handle);
    expect(dump).not.toContain(token);
    // One slot of one daemon gets free for all of them.
    await site.sql('INSERT INTO {drupald_fixture_gate} (name) VALUES (?)', ['context-www2']);
    const seen = await sawContext(handle);
    await ranOnce(waiting);
    const later = await Promise.all(waiting.map((one) => event(site, one, 'mark')));
    expect(later.filter(({ id }) => id < seen.id).length).toBeLessThan(2);
    await open('context');
    await ranOnce(gates, 'gate');
  });

  /** Starts more than the pool has slots for at all daemons, and sees that they are kept. */
  async function poolSlotsAreKept(name: string): Promise<void> {
    const all = handles(name, 8);
    const sent = hosts.map((host, at) => {
      const own = all.filter((_handle, index) => index % hosts.length === at);
      return pool.start(host, 'drupald_fixture_sleeps', own, [0.2]);
    });
    expect((await Promise.all(sent)).flat()).toEqual(all.map(() => true));
    await ranOnce(all, 'after');
    const found = (await events(site)).filter(({ handle, what }) => all.includes(handle) && what !== 'shutdown');
    let running = 0;
    const counts = found.map(({ what }) => (running += what === 'before' ? 1 : -1));
    expect(Math.max(...counts)).toBe(2);
  }

  test('slots of the pool count on all daemons together', () => poolSlotsAreKept('pool-slots'));

  test('what begins in a time is counted over all daemons', async () => {
    const all = handles('rate', 5);
    expect(await pool.start('www1', 'drupald_fixture_returns', all.slice(0, 3))).toEqual([true, true, true]);
    expect(await pool.start('www2', 'drupald_fixture_returns', all.slice(3))).toEqual([true, true]);
    for (const handle of all) {
      expect(await shutdowns(site, handle)).toMatchObject([{ message: null }]);
    }
    const times = pool.members
      .flatMap(({ daemon }) => daemon.lines)
      .filter((line) => line.event === 'start.delivered' && all.includes(String(line['handle'])))
      .map((line) => Date.parse(String(line['time'])))
      .sort((one, other) => one - other);
    expect(times).toHaveLength(5);
    // No more than two in a second, which begins with the first of them.
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
    expect((times[4] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(900);
  });

  test('one that waits there can be killed at any daemon, and one whose row was removed does not run', async () => {
    const gates = await fill('kill');
    const [killed = '', removed = ''] = await share('kill', 2);
    const last = await share('kill-last', 3);
    const { stdout, code } = await drupald(['kill', killed, '--state-dir', pool.member('www3').daemon.stateDir]);
    expect(code, stdout).toBe(0);
    expect(await shutdowns(site, killed)).toMatchObject([
      { message: expect.stringContaining('administrator') as string },
    ]);
    await site.sql('DELETE FROM {background_process} WHERE handle = ?', [removed]);
    await open('kill');
    await ranOnce([...last]);
    await ranOnce(gates, 'gate');
    for (const handle of [killed, removed]) expect(await events(site, handle, 'mark')).toEqual([]);
  });

  test('Redis is restarted, with what it had and without: nothing is lost or doubled', async () => {
    const gates = await fill('restart');
    const kept = await share('kept', 6);
    await redis.down();
    await redis.up();
    await Promise.all(pool.members.map(({ daemon }) => back(daemon, 2)));
    const lost = [...kept, ...(await share('lost', 6, mark, 'www2'))];
    const { handle: told } = await shareWithContext('lost-context', 'www2');
    await redis.down();
    const alone = handles('alone', 4);
    expect(await pool.start('www3', mark, alone)).toEqual(alone.map(() => true));
    await Promise.all(alone.map((handle) => waitFor(() => is(handle, 3), { what: `${handle} to wait` })));
    await redis.lose();
    await redis.up();
    await Promise.all(pool.members.map(({ daemon }) => back(daemon, 3)));
    await open('restart');
    await ranOnce([...lost, ...alone]);
    await sawContext(told);
    await ranOnce([told], 'environment');
    await ranOnce(gates, 'gate');
    await poolSlotsAreKept('after-loss');
  });

  /** Waits until a daemon has found Redis for so many times. */
  const back = (daemon: Daemon, times: number): Promise<unknown> =>
    waitFor(() => daemon.lines.filter(({ event: name }) => name === 'backlog.back').length >= times, {
      what: `Redis to be found ${times} times`,
      seen: () => daemon.output.slice(-2000),
    });

  test.each(hosts)('%s is killed with its workers: what waited runs once on the others', async (host) => {
    const name = `perish-${host}`;
    const gates = await fill(name);
    const waiting = [...(await share(name, 4, mark, host)), ...(await share(name, 4))];
    await pool.perish(host);
    await open(name);
    await ranOnce(waiting);
    await pool.revive(host);
    for (const handle of gates) {
      expect(await shutdowns(site, handle), handle).toHaveLength(1);
    }
  });

  test('Redis hangs: starts are taken at once, and what waits there runs all the same', async () => {
    const gates = await fill('hang');
    const before = await share('hang', 3);
    redis.freeze();
    const during = handles('hangs', 3);
    expect(await pool.start('www2', mark, during)).toEqual(during.map(() => true));
    await pool
      .member('www2')
      .daemon.logged(
        ({ event: name, reason }) => name === 'backlog.lost' && String(reason).includes('did not answer'),
        'backlog.lost',
      );
    await open('hang');
    await ranOnce([...before, ...during]);
    redis.thaw();
    await ranOnce(gates, 'gate');
  });

  test('detach takes back what waits there with the service hosts of its daemon', async () => {
    const gates = await fill('detach');
    const [own, others] = [await share('detach-own', 3), await share('detach-others', 2, mark, 'www2')];
    const [one, other] = [pool.member('www1'), pool.member('www2')];
    // Another daemon is no site: it begins nothing that is given back.
    const to = `http://127.0.0.1:${other.port}`;
    const { stdout } = await drupald(['detach', '--to', to, '--json', '--state-dir', one.daemon.stateDir]);
    expect(JSON.parse(stdout)).toMatchObject({ handedBack: 0, left: 3 });
    await open('detach');
    await ranOnce(others);
    await ranOnce(gates, 'gate');
    for (const handle of own) {
      expect(await readRow(site, handle)).toMatchObject({ exec_status: 3, service_host: 'www1' });
    }
    await pool.perish('www1');
    await pool.revive('www1');
    await ranOnce(own);
  });

  test('with a wrong password a daemon runs what it gets, says why it is alone, and tells no password', async () => {
    await pool.stop();
    pool = await Pool.start(site, suite, ['www1'], {
      slots: 1,
      env: { DRUPALD_BACKLOG_REDIS: `redis://:open-sesame@127.0.0.1:${redis.port}` },
    });
    const all = handles('wrong', 3);
    expect(await pool.start('www1', mark, all)).toEqual([true, true, true]);
    await ranOnce(all);
    const { daemon } = pool.member('www1');
    const told = await drupald(['doctor', '--state-dir', daemon.stateDir]);
    const ps = await drupald(['ps', '--state-dir', daemon.stateDir]);
    expect(told.stdout).toContain(`127.0.0.1:${redis.port}`);
    expect(told.stdout).toMatch(/WRONGPASS|invalid/i);
    expect(ps.stdout).toContain('is away');
    for (const text of [daemon.output, told.stdout, ps.stdout]) expect(text).not.toContain('sesame');
  });
});
