import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Bench, prepareBench } from '../harness/bench.js';
import type { Caller } from '../harness/caller.js';
import { type Daemon, drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, openGate } from '../harness/fixture-log.js';
import { fillSlots } from '../harness/fill-slots.js';
import { type Front, FRONT_SAPI, type FrontKind, hasFront, prepareFront } from '../harness/front.js';
import { nothingLeft } from '../harness/leftovers.js';
import { freePort } from '../harness/mariadb.js';
import { insertRow, rawUrlEncode, startPath } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import type { Sights } from '../harness/sights.js';
import { ranOnce, StartStream } from '../harness/start-stream.js';
import { makeCertificate, postTls } from '../harness/tls.js';
import { post } from '../harness/wire.js';

/** Handles that a web server on the way could spoil. */
const HANDLES: readonly string[] = [
  'uc:node_cron',
  'a/b//c',
  'with blanks in it',
  '100 % sure',
  'literally%20encoded',
  'a%2Fb',
  'one+one',
  'dots/../and/./more',
  'blåbærgrød ♥',
  '?q=x&y#z',
  'index.php',
  'é'.repeat(250),
];

interface Attached {
  readonly bench: Bench;
  readonly front: Front;
  /** Starts drupald again as it was. */
  readonly up: () => Promise<Daemon>;
  /** Starts the callback that looks around through the module, as a page would. */
  readonly look: (handle: string) => Promise<Sights & { readonly sapi: string }>;
}

/** A site whose own address is the web server's, with README's rule in it and `serves` as README says. */
function attach(kind: FrontKind, bench: Bench): Attached {
  const front = prepareFront(kind, bench);
  let config = '';
  let caller: Promise<Caller> | undefined;
  const up = (): Promise<Daemon> => bench.restart({ config, sites: [] });
  beforeAll(async () => {
    config = join(bench.suite.folder, `${newHandle('rule')}.yml`);
    const { root, uris } = bench.site;
    await writeFile(config, `sites:\n  - root: ${root}\n    uris: [${uris.join(', ')}]\n    serves: [default]\n`);
    await bench.site.setServiceHost(front.address, 'site.test');
    await up();
  });
  return {
    bench,
    front,
    up,
    look: async (handle) => {
      // Not the bench's: it has read settings.php before the web server was there.
      caller ??= bench.site.caller();
      expect(await (await caller).startLocked(handle, 'drupald_fixture_environment')).toBe(handle);
      const seen = detail(await event(bench.site, handle, 'environment'));
      return seen as Sights & { readonly sapi: string };
    },
  };
}

for (const kind of ['Apache', 'nginx'] as const) {
  // Where the web server is missing, its tests are skipped and counted.
  const run = hasFront(kind) ? describe : describe.skip;
  const underFront = FRONT_SAPI[kind];

  run(`${kind} passes starts on by README’s rule`, () => {
    describeSites('and takes over', [], (site) => {
      const bench = prepareBench(site, {
        site: { uris: ['http://site.test', 'https://site.test'] },
        daemon: { slots: 2 },
      });
      const { front, up, look } = attach(kind, bench);

      test('doctor finds no problem', async () => {
        const result = await drupald(['doctor', '--json', '--state-dir', bench.daemon.stateDir]);
        expect(result.code, result.stdout).toBe(0);
      });

      test('a start runs in drupald, with the address of the site', async () => {
        const handle = newHandle('through');
        const seen = await look(handle);
        expect(seen).toMatchObject({ sapi: 'cli', host: 'site.test', baseUrl: 'http://site.test', isHttps: false });
        expect(seen.server['HTTP_X_FORWARDED_PROTO']).toBe('http');
        expect((await finished(bench, handle)).ended['outcome']).toBe('completed');
      });

      test('a start that came by https runs under https', async () => {
        const handle = newHandle('https');
        const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_environment' });
        const path = startPath(handle, token);
        if (kind === 'Apache') {
          // As an Apache is told that something in front of it does TLS.
          await front.setRule(true, 'ServerName https://site.test');
          expect((await post(front.port, path)).status).toBe(200);
        } else {
          const certificate = await makeCertificate(bench.suite.folder);
          const port = await freePort();
          const pem = `ssl_certificate ${certificate}; ssl_certificate_key ${certificate};`;
          await front.setRule(true, `listen 127.0.0.1:${port} ssl; ${pem}`);
          expect(await postTls(port, path, certificate)).toBe(200);
        }
        const seen = detail(await event(bench.site, handle, 'environment'));
        expect(seen).toMatchObject({ sapi: 'cli', baseUrl: 'https://site.test', isHttps: true });
        await finished(bench, handle);
        await front.setRule(true);
      });

      test.skipIf(site === 'stand-in')('a start under a language prefix', async () => {
        const handle = newHandle('prefix');
        const token = await insertRow(bench.site, { handle, callback: 'drupald_fixture_environment' });
        expect((await post(front.port, `/da${startPath(handle, token)}`)).status).toBe(200);
        const seen = detail(await event(bench.site, handle, 'environment'));
        expect(seen).toMatchObject({ sapi: 'cli', language: 'da' });
        await finished(bench, handle);
      });

      test('a start whose slash is encoded once', async () => {
        const handle = newHandle('once/encoded');
        const token = await insertRow(bench.site, { handle });
        expect((await post(front.port, `/bgp-start/${rawUrlEncode(handle)}/${token}`)).status).toBe(200);
        await finished(bench, handle);
      });

      test('handles arrive unspoilt', async () => {
        for (const handle of HANDLES) {
          expect(await look(handle)).toMatchObject({ sapi: 'cli', handle });
          await finished(bench, handle);
        }
      });

      test('without drupald the same runs in PHP under the web server', async () => {
        await bench.daemon.stop();
        for (const name of [newHandle('alone'), ...HANDLES]) {
          const handle = `php ${name}`;
          expect(await look(handle)).toMatchObject({ sapi: underFront, handle, host: 'site.test' });
        }
        await nothingLeft(bench.site);
        await up();
        expect((await look(newHandle('again'))).sapi).toBe('cli');
      });
    });

    describeSites('and loses none', [], (site) => {
      const bench = prepareBench(site, { daemon: { slots: 2 } });
      const { front, up, look } = attach(kind, bench);

      test('while drupald stops, is away, dies and starts again', async () => {
        const stream = await StartStream.open(bench.site);
        await stream.during(() => bench.daemon.stop());
        await stream.during(up);
        await stream.during(() => bench.daemon.kill9());
        await stream.during(up);
        await stream.close();
        expect(stream.failed).toEqual([]);
        const count = await ranOnce(bench.site, stream.started);
        expect(Object.keys(count).sort()).toEqual([underFront, 'cli'].sort());
        await nothingLeft(bench.site, bench.daemon);
      });

      test('when work is given back while the rule still stands', async () => {
        const gates = [newHandle('gate'), newHandle('gate')];
        const waiting = [newHandle('waits'), newHandle('waits')];
        const caller = await bench.site.caller();
        await fillSlots(bench.site, caller, gates, waiting);
        await caller.close();
        const back = await detach(bench, front);
        expect(JSON.parse(back.stdout)).toMatchObject({ handedBack: 2, left: 0 });
        expect(back.code).toBe(0);
        const count = await ranOnce(bench.site, waiting);
        expect(count).toEqual({ [underFront]: 2 });
        expect((await look(newHandle('late'))).sapi).toBe(underFront);
        for (const gate of gates) await openGate(bench.site, gate);
        await nothingLeft(bench.site, bench.daemon);
        await up();
      });

      test('on README’s way back', async () => {
        const gates = [newHandle('gate'), newHandle('gate')];
        const waiting = [newHandle('waits'), newHandle('waits'), newHandle('waits')];
        const caller = await bench.site.caller();
        await fillSlots(bench.site, caller, gates, waiting);
        await caller.close();
        const stream = await StartStream.open(bench.site);
        await stream.during(() => front.setRule(false));
        const back = await stream.during(() => detach(bench, front));
        expect(back.code, back.stdout + back.stderr).toBe(0);
        for (const gate of gates) await openGate(bench.site, gate);
        await stream.during(() => bench.daemon.stop());
        await stream.close();
        expect(stream.failed).toEqual([]);
        const count = await ranOnce(bench.site, [...waiting, ...stream.started]);
        // Both slots were taken all the time.
        expect(Object.keys(count)).toEqual([underFront]);
        await nothingLeft(bench.site);
      });
    });
  });
}

function detach(bench: Bench, front: Front) {
  return drupald(['detach', '--json', '--state-dir', bench.daemon.stateDir, '--to', front.address]);
}
