import { chown, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeSites } from '../harness/describe-sites.js';
import type { Examination } from '../harness/doctor.js';
import { prepareExamined, titleOf } from '../harness/prepare-examined.js';

describeSites('doctor about what is around a site', [], (kind) => {
  const bench = prepareExamined(kind);
  const { examine } = bench;
  const at = (...uris: string[]): Promise<Examination> => examine({ site: { uris } });
  const accounts = (): string[] => ['127.0.0.1', 'localhost'].map((host) => `'${bench.site.database.user}'@'${host}'`);

  test('tables that are missing, and an engine without transactions', async () => {
    await bench.site.sql('ALTER TABLE {progress} ENGINE=MyISAM');
    const engine = await examine();
    expect(engine.bad).toEqual(['table-engine']);
    expect(titleOf(engine, 'table-engine')).toContain('progress is kept by MyISAM');
    await bench.site.sql('RENAME TABLE {progress} TO {progress_away}');
    expect((await examine()).bad).toEqual(['table-missing']);
    await bench.site.sql('RENAME TABLE {progress_away} TO {progress}');
    await bench.site.sql('ALTER TABLE {progress} ENGINE=InnoDB');

    await bench.site.sql('RENAME TABLE {background_process} TO {background_process_away}');
    const without = await examine();
    expect(without.bad).toEqual(['refused']);
    expect(titleOf(without, 'refused')).toContain('[DRUPALD_TABLE_MISSING]');
    await bench.site.sql('RENAME TABLE {background_process_away} TO {background_process}');
    expect((await examine()).bad).toEqual([]);
  });

  test('a database user without rights, and one with few connections', async () => {
    const { database } = bench.site.database;
    for (const account of accounts()) {
      await bench.site.server.administer(
        `REVOKE ALL ON \`${database}\`.* FROM ${account}; GRANT SELECT, INSERT, UPDATE, CREATE ON \`${database}\`.* TO ${account}`,
      );
      for (const table of ['semaphore', 'cache_bootstrap', 'variable', 'progress']) {
        // Not every table is there on the stand-in.
        await bench.site.server
          .administer(`GRANT DELETE ON \`${database}\`.${table} TO ${account}`)
          .catch(() => undefined);
      }
      await bench.site.server.administer(`ALTER USER ${account} WITH MAX_USER_CONNECTIONS 12`);
    }
    const found = await examine({ settings: { slots: 4 } });
    expect(found.bad).toEqual(['rights-missing', 'connections']);
    expect(titleOf(found, 'rights-missing')).toContain('the table background_process');
    for (const account of accounts()) {
      await bench.site.server.administer(
        `GRANT ALL ON \`${database}\`.* TO ${account}; ALTER USER ${account} WITH MAX_USER_CONNECTIONS 0`,
      );
    }
    expect((await examine({ settings: { slots: 4 } })).bad).toEqual([]);
  });

  test('a module that is too old', async () => {
    const info = await bench.site.sql<{ info: Buffer }>("SELECT info FROM {system} WHERE name = 'background_process'");
    const old = info[0]!.info.toString().replace('7.x-1.17', '7.x-1.12');
    await bench.site.sql("UPDATE {system} SET info = ? WHERE name = 'background_process'", [old]);
    const found = await examine();
    expect(found.bad).toEqual(['refused']);
    expect(titleOf(found, 'refused')).toContain('7.x-1.12');
    expect(found.findings[0]?.remedy).toContain('7.x-1.13 or newer');
    await bench.site.sql("UPDATE {system} SET info = ? WHERE name = 'background_process'", [info[0]!.info]);
    expect((await examine()).bad).toEqual([]);
  });

  test('a copied database, which a look does not mark', async () => {
    await bench.site.sql('DROP TABLE IF EXISTS {drupald_installation}');
    expect((await examine()).bad).toEqual([]);
    expect(await bench.site.sql("SHOW TABLES LIKE 'drupald_installation'")).toEqual([]);
    await bench.site.sql(
      "CREATE TABLE {drupald_installation} (mark CHAR(64) NOT NULL PRIMARY KEY, place VARCHAR(99) NOT NULL DEFAULT '')",
    );
    await bench.site.sql("INSERT INTO {drupald_installation} (mark) VALUES (REPEAT('0', 64))");
    expect((await examine()).bad).toEqual(['database-copied']);
    await bench.site.sql('DROP TABLE {drupald_installation}');
  });

  test('public files of another user', async (context) => {
    // Only root can give a folder away.
    if (!bench.site.account.switched) context.skip();
    const files = join(bench.site.root, 'sites/default/files');
    await chown(files, 0, 0);
    expect((await examine()).bad).toEqual(['files-owner']);
    await chown(files, bench.site.account.uid, bench.site.account.gid);
  });

  test('service hosts that lead here wrongly', async () => {
    await bench.site.setServiceHost('https://127.0.0.1:1', 'site.test');
    expect((await examine()).bad).toEqual(['service-host-https']);
    await bench.site.setServiceHost('http://127.0.0.1:1', 'other.test');
    expect((await examine()).bad).toEqual(['http-host-unknown']);
    await bench.site.setServiceHost('http://127.0.0.1:1');
    expect((await examine()).bad).toEqual([]);
    expect((await at('http://site.test', 'http://www.site.test')).bad).toEqual(['http-host-ambiguous']);
    await bench.site.setServiceHost('http://127.0.0.1:1', 'site.test');
  });

  test('http and https', async () => {
    const both = await at('http://site.test', 'https://site.test');
    expect(both.bad).toEqual([]);
    expect(both.codes).toContain('several-schemes');
    await bench.site.configure({ baseUrl: 'http://elsewhere.test' });
    expect((await examine()).bad).toEqual(['base-url']);
    await bench.site.configure({ baseUrl: 'http://site.test', extra: "$conf['https'] = TRUE;" });
    const mixed = await examine();
    expect(mixed.bad).toEqual(['scheme-not-covered']);
    expect(mixed.findings.find(({ code }) => code === 'scheme-not-covered')?.remedy).toContain('with https');
    await bench.site.configure({ extra: '' });
  });

  test('two sites under one drupald need their names in the service hosts', async () => {
    await bench.site.setServiceHost('http://127.0.0.1:1');
    const other = await bench.suite.site(kind, { uris: ['http://other.test'] });
    await other.setServiceHost('http://127.0.0.1:1', 'other.test');
    await other.variable('set_has_js_cookie', 1);
    const sites = [
      '--root',
      bench.site.root,
      '--uri',
      'http://site.test',
      '--root',
      other.root,
      '--uri',
      'http://other.test',
    ];
    expect((await examine({ flags: sites })).bad).toEqual(['http-host-missing']);
    await other.close();
    await bench.site.setServiceHost('http://127.0.0.1:1', 'site.test');
  });

  test('caches and locks that live elsewhere', async () => {
    const copy = 'sites/all/lock-copy.inc';
    await copyFile(join(bench.site.root, 'includes/lock.inc'), join(bench.site.root, copy));
    await bench.site.configure({
      extra: `$conf['lock_inc'] = '${copy}';\n$conf['cache_backends'] = array('${copy}');`,
    });
    const found = await examine();
    expect(found.codes, JSON.stringify(found.findings)).toContain('cache-backends');
    expect(found.bad).toEqual(['lock-api']);
    await bench.site.configure({ extra: '' });
  });
});
