import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bench, prepareBench } from '../harness/bench.js';
import { type BackendName, type CacheBackend, hasBackend, startBackend } from '../harness/cache-backend.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';

const PARALLEL = 24;

interface Loop {
  readonly rounds: number;
  readonly missing: number;
  readonly wrong: number;
}

/** Gives the bench's site a backend and restarts its daemon, with `ini` in the site's configuration. */
function prepareBackend(name: BackendName, bench: Bench, ini: Readonly<Record<string, string>> = {}): void {
  let backend: CacheBackend | undefined;
  beforeAll(async () => {
    const { site, suite, daemon } = bench;
    backend = await startBackend(name, site, suite.folder);
    await site.configure({
      conf: {
        file_temporary_path: '/tmp',
        drupald_fixture_cache_in_boot: true,
        ...backend.conf,
        ...serviceHost(daemon.port),
      },
    });
    const config = join(suite.folder, `${newHandle('cache')}.yml`);
    const entry = { root: site.root, uris: site.uris, ini };
    await writeFile(config, JSON.stringify({ slots: 8, sites: [entry] }));
    await bench.restart({ config, sites: [] });
  });
  afterAll(async () => {
    await backend?.stop();
  });
}

function serviceHost(port: number): Record<string, unknown> {
  const host = { base_url: `http://127.0.0.1:${port}`, http_host: 'site.test' };
  return { background_process_service_hosts: { default: host } };
}

/** Runs many processes at once that all use the cache; what each of them met. */
async function loops(bench: Bench): Promise<Loop[]> {
  const caller = await bench.site.caller();
  const handles = Array.from({ length: PARALLEL }, () => newHandle('loop'));
  await caller.startMany(handles.map((handle) => ({ handle, callback: 'drupald_fixture_cache_loop', args: [200] })));
  await caller.close();
  return await Promise.all(
    handles.map(async (handle) => {
      const { ended } = await finished(bench, handle);
      expect(ended['outcome'], JSON.stringify(ended)).toBe('completed');
      return detail(await event(bench.site, handle, 'cache_loop')) as Loop;
    }),
  );
}

/** What a process finds under a cid. */
async function read(bench: Bench, cid: string): Promise<unknown> {
  const run = await runToEnd(bench, 'drupald_fixture_cache_read', [cid]);
  return (detail(await event(bench.site, run.handle, 'cache_read')) as { value: unknown }).value;
}

const well = Array.from({ length: PARALLEL }, () => ({ rounds: 200, missing: 0, wrong: 0 }));

for (const name of ['redis', 'memcache'] as const) {
  // Where the server is missing, its tests are skipped and counted.
  const run = hasBackend(name) ? describe : describe.skip;
  run(`a site whose cache is kept by ${name}`, () => {
    describeSites('runs processes', [], (kind) => {
      const bench = prepareBench(kind);
      prepareBackend(name, bench);

      test('many at once, each with its own answers', async () => {
        expect(await loops(bench)).toEqual(well);
        await nothingLeft(bench.site, bench.daemon);
      });

      test('that see what a page has kept, and the other way round', async () => {
        for (const value of ['first', 'second', 'third']) {
          await bench.site.php('cache_set($args[0], $args[1]);', ['page', value]);
          expect(await read(bench, 'page')).toBe(value);
          await runToEnd(bench, 'drupald_fixture_cache_write', ['process', value]);
          expect(await bench.site.php('return cache_get("process")->data;')).toBe(value);
        }
        await bench.site.php('cache_clear_all("page", "cache");');
        expect(await read(bench, 'page')).toBeNull();
      });

      test('that see a variable and a broken run like any site', async () => {
        await bench.site.variable('drupald_fixture_variable', name);
        const seen = await runToEnd(bench, 'drupald_fixture_environment');
        expect(detail(await event(bench.site, seen.handle, 'environment'))).toMatchObject({ variable: name });
        const killed = await runToEnd(bench, 'drupald_fixture_signal', [9]);
        expect(killed.shutdowns.map((call) => call.message)).toEqual([expect.stringMatching(/SIGKILL/)]);
        expect(await loops(bench)).toEqual(well);
      });
    });
  });
}

describeSites('a site whose cache is kept by APCu', [], (kind) => {
  const bench = prepareBench(kind);
  prepareBackend('apcu', bench, { 'apc.enable_cli': '1' });

  test('many processes at once, each with its own answers', async () => {
    expect(await loops(bench)).toEqual(well);
  });

  test('processes see what others have kept, but not what a page keeps in its own memory', async () => {
    await runToEnd(bench, 'drupald_fixture_cache_write', ['process', 'kept']);
    expect(await read(bench, 'process')).toBe('kept');
    await bench.site.php('cache_set("page", "elsewhere");');
    expect(await read(bench, 'page')).toBeNull();
  });
});

describeSites('a site whose cache is kept by APCu, which the command line has switched off', [], (kind) => {
  const bench = prepareBench(kind);
  prepareBackend('apcu', bench);

  test('runs as with an empty cache', async () => {
    await runToEnd(bench, 'drupald_fixture_cache_write', ['process', 'kept']);
    expect(await read(bench, 'process')).toBeNull();
  });
});
