import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { Daemon } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';

describeSites('bad configuration', [], (kind) => {
  let suite: Suite;
  let site: BootedSite;

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
  });

  afterAll(async () => {
    await site.close();
    await suite.close();
  });

  /** Starts a daemon that must end by itself; answers what it said. */
  async function refusal(options: Partial<Parameters<typeof Daemon.start>[0]>): Promise<string> {
    const daemon = await Daemon.start({
      sites: [{ root: site.root, uris: site.uris }],
      folder: suite.folder,
      ...options,
      awaitReady: false,
    });
    expect(await daemon.exited(), daemon.output).toBe(2);
    expect(daemon.output).not.toMatch(/^\s+at /m);
    return daemon.output;
  }

  async function configFile(text: string): Promise<string> {
    const path = join(suite.folder, `${newHandle('config')}.yml`);
    await writeFile(path, text);
    return path;
  }

  test('an unknown key is answered with the nearest known one', async () => {
    const output = await refusal({ config: await configFile('slotz: 3\n') });
    expect(output).toContain('DRUPALD_CONFIG_UNKNOWN_KEY');
    expect(output).toMatch(/slots/);
  });

  test('a wrong type is answered with what is wanted', async () => {
    expect(await refusal({ config: await configFile('grace: soon\n') })).toContain('DRUPALD_CONFIG_WRONG_TYPE');
  });

  test('a root without Drupal', async () => {
    expect(await refusal({ sites: [{ root: suite.folder, uris: ['http://site.test'] }] })).toContain(
      'DRUPALD_ROOT_NOT_DRUPAL',
    );
    expect(await refusal({ sites: [{ root: '/nowhere/at/all', uris: ['http://site.test'] }] })).toMatch(
      /DRUPALD_ROOT_/,
    );
  });

  test('a URI that belongs to no site folder', async () => {
    const multi = await suite.site(kind, { folder: 'only.test', uris: ['http://only.test'] });
    expect(await refusal({ sites: [{ root: multi.root, uris: ['http://nobody.test'] }] })).toContain(
      'DRUPALD_URI_WITHOUT_SITE_FOLDER',
    );
    await multi.close();
  });

  test('the module is not enabled', async () => {
    await site.sql(
      "UPDATE {system} SET status = 0 WHERE name IN ('background_process', 'background_batch', 'demo', 'drupald_fixture')",
    );
    if (kind === 'real') {
      await site.sql('DELETE FROM {cache_bootstrap}');
    }
    expect(await refusal({})).toContain('DRUPALD_MODULE_NOT_ENABLED');
    await site.sql(
      "UPDATE {system} SET status = 1 WHERE name IN ('background_process', 'background_batch', 'demo', 'drupald_fixture')",
    );
    if (kind === 'real') {
      await site.sql('DELETE FROM {cache_bootstrap}');
    }
  });

  test('a port in use', async () => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await refusal({ port })).toContain('DRUPALD_PORT_IN_USE');
    taken.close();
  });

  test('wrong database credentials', async () => {
    const other = await suite.site(kind);
    await other.server.administer(`SET PASSWORD FOR '${other.database.user}'@'127.0.0.1' = PASSWORD('changed')`);
    const output = await refusal({ sites: [{ root: other.root, uris: other.uris }] });
    expect(output).toContain('DRUPALD_DATABASE_CREDENTIALS');
    expect(output).not.toContain(other.database.password);
    await other.close();
  });

  test.runIf(process.getuid?.() === 0)('root without --user', async () => {
    const daemon = await Daemon.start({
      sites: [{ root: site.root, uris: site.uris }],
      folder: suite.folder,
      asRoot: true,
      awaitReady: false,
    });
    expect(await daemon.exited(), daemon.output).toBe(2);
    expect(daemon.output).toContain('DRUPALD_ROOT_USER_REQUIRED');
  });
});
