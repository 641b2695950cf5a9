import { readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { insertRow, rawUrlEncode, startPath } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { post } from '../harness/wire.js';
import { type Sights, sights, sightsAt } from '../harness/sights.js';

for (const isolation of ['process', 'fresh'] as const) {
  describeSites(
    `what a callback sees, isolation ${isolation}`,
    [],
    (kind) => {
      const bench = prepareBench(kind, {
        site: {
          uris: ['http://site.test', 'https://secure.test', 'http://port.test:8080/sub/dir'],
        },
        daemon: { slots: 3, isolation },
      });

      test('a request like the one that the web server would have given it', async () => {
        const handle = newHandle('a/b é');
        await runToEnd(bench, 'drupald_fixture_environment', [], { handle });
        const seen = detail(await event(bench.site, handle, 'environment')) as Sights;
        expect(seen.isCli).toBe(false);
        expect(seen.server['REQUEST_METHOD']).toBe('POST');
        expect(seen.cwd).toBe(bench.site.root);
        expect(seen.timezone).toBe('Europe/Copenhagen');
        expect(seen.confPath).toBe('sites/default');
        expect(seen.handle).toBe(handle);
        expect(seen.get['q']).toMatch(/^bgp-start\//);
        expect(seen.get['q']).toContain(rawUrlEncode(handle));
        expect(seen.bootPath).toMatch(/^bgp-start\//);
        expect(seen.initPath).toMatch(/^bgp-start\//);
        expect(seen.maxExecutionTime).toBe('0');
        expect(seen.streams).toEqual([true, true, true]);
        expect(seen.systemUid).toBe(bench.site.account.uid);
        expect(seen.umask).toBe('0022');
      });

      test('no session, no cookies, no login of the page that started it', async () => {
        const seen = await sightsAt(bench, 'site.test', '', {
          headers: ['Cookie: SESS0=admin; has_js=1', 'Authorization: Basic YTpi'],
        });
        expect(seen.cookie).toBe(0);
        expect(seen.session).toEqual([]);
        expect(seen.sessionStarted).toBe(false);
        expect(seen.uid).toBe(0);
        expect(Object.keys(seen.server)).not.toContain('HTTP_COOKIE');
        expect(Object.keys(seen.server)).not.toContain('HTTP_AUTHORIZATION');
        expect(JSON.stringify(seen)).not.toContain('YTpi');
      });

      test('each address of the site gives its own links', async () => {
        const plain = await sightsAt(bench, 'site.test', '');
        expect(plain).toMatchObject({
          baseUrl: 'http://site.test',
          absoluteUrl: 'http://site.test/node/7',
          isHttps: false,
          basePath: '/',
        });
        const secure = await sightsAt(bench, 'secure.test', '');
        expect(secure).toMatchObject({
          baseUrl: 'https://secure.test',
          absoluteUrl: 'https://secure.test/node/7',
          isHttps: true,
        });
        const sub = await sightsAt(bench, 'port.test:8080', '/sub/dir');
        expect(sub).toMatchObject({
          baseUrl: 'http://port.test:8080/sub/dir',
          absoluteUrl: 'http://port.test:8080/sub/dir/node/7',
          basePath: '/sub/dir/',
        });
      });

      test('the owner of the process with roles and permissions', async () => {
        expect(await sights(bench)).toMatchObject({
          uid: 0,
          roles: ['anonymous user'],
          mayAdminister: false,
        });
        expect(await sights(bench, { uid: 2 })).toMatchObject({
          uid: 2,
          roles: ['authenticated user', 'tester'],
          mayAdminister: true,
        });
        expect(await sights(bench, { uid: 3 })).toMatchObject({ uid: 3, mayAdminister: false });
      });

      test('no two runs share a process, a lock id, random numbers or a connection', async () => {
        const seen = await Promise.all(Array.from({ length: 50 }, () => sights(bench)));
        const distinct = (values: readonly unknown[]): number =>
          new Set(values.map((value) => JSON.stringify(value))).size;
        expect(distinct(seen.map((one) => one.pid))).toBe(50);
        expect(distinct(seen.map((one) => one.lockId))).toBe(50);
        expect(distinct(seen.map((one) => one.connection))).toBe(50);
        for (const index of [0, 1, 2, 3]) {
          expect(distinct(seen.map((one) => one.random[index]))).toBe(50);
        }
      });

      test('nothing of one run is visible in the next', async () => {
        for (let i = 0; i < 3; i += 1) {
          await runToEnd(bench, 'drupald_fixture_leaves_traces');
          const run = await runToEnd(bench, 'drupald_fixture_finds_traces');
          expect(detail(await event(bench.site, run.handle, 'found'))).toEqual([]);
        }
      });

      test('a variable that changed a moment ago', async () => {
        for (const value of ['first', 'second', 'third']) {
          await bench.site.variable('drupald_fixture_variable', value);
          expect((await sights(bench)).variable).toBe(value);
        }
      });

      test('a file that changed a moment ago', async () => {
        const file = join(bench.site.root, 'sites/all/modules/drupald_fixture/semantics.inc');
        const original = await readFile(file, 'utf8');
        const now = Math.floor(Date.now() / 1000);
        for (const [i, label] of ['alpha', 'bravo', 'charlie'].entries()) {
          // The copies of a site share files by hard links: never write into one.
          await rm(file);
          await writeFile(
            file,
            `${original}\nfunction drupald_fixture_late() { drupald_fixture_log('late', '${label}'); }\n`,
          );
          // PHP tells versions of a file apart by whole seconds.
          await utimes(file, now + i, now + i);
          const run = await runToEnd(bench, 'drupald_fixture_late');
          expect((await event(bench.site, run.handle, 'late')).detail).toBe(label);
        }
        await rm(file);
        await writeFile(file, original);
      });

      test('a module that was switched off a moment ago', async () => {
        await bench.site.sql("UPDATE {system} SET status = 0 WHERE name = 'drupald_fixture'");
        if (kind === 'real') {
          await bench.site.sql('DELETE FROM {cache_bootstrap}');
        }
        const handle = newHandle('off');
        await insertRow(bench.site, { handle }).then((token) => post(bench.daemon.port, startPath(handle, token)));
        const run = await finished(bench, handle);
        expect(run.ended['outcome']).toBe('not-callable');
        await bench.site.sql("UPDATE {system} SET status = 1 WHERE name = 'drupald_fixture'");
        if (kind === 'real') {
          await bench.site.sql('DELETE FROM {cache_bootstrap}');
        }
        await runToEnd(bench, 'drupald_fixture_noop');
      });

      test('a time limit when the site sets one', async () => {
        await bench.site.variable('background_process_service_timeout', 77);
        expect((await sights(bench)).maxExecutionTime).toBe('77');
        await bench.site.variable('background_process_service_timeout', 0);
      });
    },
    { both: true },
  );
}
