import { fileURLToPath } from 'node:url';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { freePort } from '../harness/mariadb.js';
import { detail, events } from '../harness/fixture-log.js';
import { phpFixture } from '../harness/paths.js';
import { PHP_FLAGS, runProgram } from '../harness/program.js';
import { enableModules } from '../harness/real-site.js';
import { insertRow, newToken, readRow, startPath } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';

// The daemon takes no part here: these tests pin what a site sends and stores, on which everything else rests.
describeSites('the site by itself', [], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let port: number;
  let listener: Server;
  const requests: string[] = [];

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    port = await freePort();
    listener = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (chunk) => {
        requests.push(chunk.toString('latin1'));
        listener.emit('request');
      });
    });
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    await site.setServiceHost(`http://127.0.0.1:${port}`, 'site.test');
  });

  afterAll(async () => {
    listener.close();
    await site.close();
    await suite.close();
  });

  test('a start makes a row and sends a request that names it', async () => {
    const caller = await site.caller({ headers: { 'Accept-Language': 'da' } });
    const arrived = once(listener, 'request');
    const handle = 'a/b c:é%';
    expect(await caller.startLocked(handle, 'drupald_fixture_mark', ['x'])).toBe(handle);
    await arrived;
    const row = await readRow(site, handle);
    expect(row).toMatchObject({ uid: 0, exec_status: 1, service_host: 'default' });
    expect(row?.callback).toBe('s:20:"drupald_fixture_mark";');
    expect(row?.args?.toString()).toBe('a:1:{i:0;s:1:"x";}');
    expect(row?.token).toMatch(/^[0-9a-f]{32}$/);
    const [first = '', ...lines] = (requests[0] ?? '').split('\r\n');
    expect(first).toBe(`POST /bgp-start/a%252Fb%2520c%253A%25C3%25A9%2525/${row?.token} HTTP/1.0`);
    expect(lines).toContain('Host: site.test');
    expect(lines).toContain('Connection: close');
    expect(lines).toContain('Content-Length: 0');
    expect(lines).toContain('Accept-Language: da');
  });

  test('a handle that is taken is refused, and a listener that is gone costs the row', async () => {
    const caller = await site.caller();
    expect(await caller.startLocked('taken', 'drupald_fixture_mark')).toBe('taken');
    expect(await caller.startLocked('taken', 'drupald_fixture_mark')).toBe(false);
    await site.setServiceHost(`http://127.0.0.1:${await freePort()}`, 'site.test');
    const other = await site.caller();
    expect(await other.startLocked('lost', 'drupald_fixture_mark')).toBeNull();
    expect(await readRow(site, 'lost')).toBeUndefined();
  });

  test('the owner of a process is the user of the page', async () => {
    const caller = await site.caller();
    await site.setServiceHost(`http://127.0.0.1:${port}`, 'site.test');
    const owned = await (await site.caller()).start('drupald_fixture_noop', [], { uid: 1 });
    expect(await readRow(site, String(owned))).toMatchObject({ uid: 1 });
    expect(await caller.php('return user_load(1)->name;')).toBe('admin');
  });

  test('the site runs a process itself when it gets the request', async () => {
    for (const [callback, messages] of [
      ['drupald_fixture_mark', [null]],
      ['drupald_fixture_exits', [null]],
      ['drupald_fixture_throws', [expect.stringContaining('The fixture throws'), null]],
      ['drupald_fixture_is_missing', []],
    ] as const) {
      const handle = newHandle('by/itself é');
      const token = await insertRow(site, { handle, callback });
      const page = fileURLToPath(phpFixture('page.php'));
      await runProgram('php', [...PHP_FLAGS, page, site.root, 'site.test', startPath(handle, token)], {
        cwd: site.root,
        account: site.account,
      });
      expect(await readRow(site, handle)).toBeUndefined();
      const calls = await events(site, handle, 'shutdown');
      expect(
        calls.map((call) => (detail(call) as { message: string | null }).message),
        callback,
      ).toEqual(messages);
    }
  });

  test('the site refuses a wrong token and leaves the row', async () => {
    const handle = newHandle('refused');
    await insertRow(site, { handle });
    const page = fileURLToPath(phpFixture('page.php'));
    await runProgram('php', [...PHP_FLAGS, page, site.root, 'site.test', startPath(handle, newToken())], {
      cwd: site.root,
      account: site.account,
    });
    expect(await readRow(site, handle)).toMatchObject({ exec_status: 1 });
    expect(await events(site, handle)).toEqual([]);
  });
});

describeSites('further modules', ['real'], (kind) => {
  test('can be enabled on a copy', async () => {
    const suite = await openSuite();
    const site = await suite.site(kind);
    await enableModules(site, ['contact', 'ctools']);
    expect(await site.php('return module_exists("contact");')).toBe(true);
    await site.close();
    await suite.close();
  });
});
