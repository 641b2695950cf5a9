import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { sights, sightsAt } from '../harness/sights.js';

describeSites('what a callback sees: languages', ['locale'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('the language of the prefix, else the default', async () => {
    expect(await sightsAt(bench, 'site.test', '')).toMatchObject({ language: 'en' });
    expect(await sightsAt(bench, 'site.test', '/da')).toMatchObject({
      language: 'da',
      absoluteUrl: 'http://site.test/da/node/7',
    });
  });
});

describeSites('what a callback sees: settings of the daemon', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('ini, env and umask of the configuration', async () => {
    const config = join(bench.suite.folder, `${newHandle('config')}.yml`);
    await writeFile(
      config,
      [
        'sites:',
        `  - root: ${bench.site.root}`,
        `    uris: [http://site.test]`,
        '    ini: { memory_limit: 312M }',
        '    env: { DRUPALD_FIXTURE_GREETING: hello }',
        "    umask: '0027'",
      ].join('\n'),
    );
    await bench.restart({ config, sites: [] });
    const seen = await sights(bench);
    expect(seen.memoryLimit).toBe('312M');
    expect(seen.environment['DRUPALD_FIXTURE_GREETING']).toBe('hello');
    expect(seen.umask).toBe('0027');
  });
});

describeSites('a site in a folder of its own with a table prefix', [], (kind) => {
  const bench = prepareBench(kind, {
    site: { uris: ['http://multi.test'], folder: 'multi.test', prefix: 'px_' },
    daemon: { slots: 2 },
  });

  test('is found by its address and its tables by their prefix', async () => {
    const seen = await sights(bench);
    expect(seen.confPath).toBe('sites/multi.test');
    expect(seen.baseUrl).toBe('http://multi.test');
    const run = await runToEnd(bench, 'drupald_fixture_signal', [9]);
    expect(run.shutdowns).toHaveLength(1);
  });
});

describeSites('a database of its own for processes', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('is used for rows and progress, and the site’s for the rest', async () => {
    const { site } = bench;
    const other = await site.server.createDatabase(newHandle('processes').replace(/-/g, '_'));
    for (const table of ['background_process', 'progress']) {
      await site.server.administer(
        `CREATE TABLE \`${other.database}\`.${table} LIKE \`${site.database.database}\`.${table}`,
      );
    }
    await site.configure({ processDatabase: other });
    await bench.restart();
    const caller = await site.caller();
    for (const [callback, message] of [
      ['drupald_fixture_noop', null],
      ['drupald_fixture_signal', expect.stringMatching(/SIGKILL/)],
    ] as const) {
      const handle = newHandle('apart');
      expect(await caller.startLocked(handle, callback)).toBe(handle);
      const rows = await site.sql('SELECT 1 FROM {background_process} WHERE handle = ?', [handle]);
      expect(rows).toEqual([]);
      const run = await finished(bench, handle);
      expect(run.shutdowns.map((call) => call.message)).toEqual([message]);
      const progress = (await site.server.administer(
        `SELECT end_stamp FROM \`${other.database}\`.progress WHERE name = ?`,
        [handle],
      )) as { end_stamp: number }[];
      expect(progress[0]?.end_stamp).toBeGreaterThan(0);
    }
    const left = (await site.server.administer(
      `SELECT handle FROM \`${other.database}\`.background_process`,
    )) as unknown[];
    expect(left).toEqual([]);
  });
});
