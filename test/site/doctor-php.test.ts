import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeSites } from '../harness/describe-sites.js';
import type { Examination } from '../harness/doctor.js';
import { prepareExamined, titleOf } from '../harness/prepare-examined.js';
import { mustRun } from '../harness/program.js';
import { enableModules } from '../harness/real-site.js';

describeSites('doctor about PHP', [], (kind) => {
  const bench = prepareExamined(kind);
  const { examine } = bench;
  const ini = (name: string, value: string, settings = {}): Promise<Examination> =>
    examine({ settings, site: { ini: { [name]: value } } });

  test('functions that forking needs, by isolation', async () => {
    const fresh = await ini('disable_functions', 'exec,pcntl_fork');
    expect(fresh.bad).toEqual(['fork-needed']);
    expect(titleOf(fresh, 'fork-needed')).toContain('(pcntl_fork missing');
    expect(fresh.code).toBe(1);
    const cold = await ini('disable_functions', 'pcntl_fork', { isolation: 'cold' });
    expect(cold.bad, titleOf(cold, 'start-fails')).toEqual(['fork-missing']);
    expect(cold.code).toBe(0);
    // The root can fork with this one, but never reap.
    expect((await ini('disable_functions', 'pcntl_waitpid')).bad).toEqual(['fork-needed']);
  });

  test('no opcache, open_basedir, a memory limit that is misread', async () => {
    expect((await ini('opcache.enable_cli', '0')).bad).toEqual(['opcache-missing']);
    expect((await ini('open_basedir', '/')).bad).toEqual(['open-basedir']);
    expect((await ini('memory_limit', '1G')).bad).toEqual(['memory-limit']);
    expect((await examine()).bad).toEqual([]);
  });

  test('no driver for the database', async (context) => {
    const scanned = (await mustRun('php', ['-r', 'print PHP_CONFIG_FILE_SCAN_DIR;'])).stdout;
    const files = await readdir(scanned || '/nowhere').catch(() => []);
    // Where it is built in, it cannot be taken away.
    if (!files.some((name) => name.includes('pdo_mysql'))) context.skip();
    const folder = join(bench.suite.folder, `conf-${kind}`);
    await mkdir(folder);
    for (const name of files) {
      if (!name.includes('pdo_mysql')) await symlink(join(scanned, name), join(folder, name));
    }
    const found = await examine({ site: { env: { PHP_INI_SCAN_DIR: folder } } });
    expect(found.bad).toEqual(['pdo-mysql-missing', 'does-not-boot']);
    expect(found.code).toBe(1);
  });

  test('a PHP that is not there', async () => {
    const found = await examine({ site: { php: '0.1' } });
    expect(found.bad).toEqual(['refused']);
    expect(titleOf(found, 'refused')).toContain('The PHP program "php0.1"');
    expect(titleOf(found, 'refused')).toContain('[DRUPALD_PHP_NOT_FOUND]');
  });

  test('a module that does not compile', async () => {
    const module = join(bench.site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
    const text = await readFile(module, 'utf8');
    await replaceFile(module, `${text}\nfunction (\n`);
    const found = await examine();
    expect(found.bad).toEqual(['does-not-boot']);
    expect(titleOf(found, 'does-not-boot')).toContain('drupald_fixture.module');
    await replaceFile(module, text);
  });

  // The stand-in's handler of errors leaves out what is deprecated.
  if (kind === 'real') {
    test('what PHP calls deprecated while the site boots', async () => {
      const module = join(bench.site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
      const text = await readFile(module, 'utf8');
      const found = await examine();
      expect(titleOf(found, 'deprecations')).toContain('BackgroundBatchContext');
      expect(found.bad).toEqual([]);

      // Told of every line of the log, also of those that are written before every module is there.
      const listener = (body: string) => `${text}\nfunction drupald_fixture_watchdog() {\n${body}\n}\n`;
      await replaceFile(module, listener(''));
      await bench.site.sql('DELETE FROM {cache_bootstrap}');
      const risky = await examine();
      expect(risky.bad, JSON.stringify(risky.findings)).toEqual(['deprecations-early']);
      expect(titleOf(risky, 'deprecations-early')).toContain('hook_watchdog in drupald_fixture');
      await replaceFile(module, text);
      await bench.site.sql('DELETE FROM {cache_bootstrap}');
    });

    test('the class of Background Batch, which ends pages when Ultimate Cron listens to the log', async () => {
      await enableModules(bench.site, ['ultimate_cron']);
      const found = await examine();
      // What drupald itself boots has filled the caches.
      expect(found.codes, JSON.stringify(found.findings)).toContain('deprecations-early');
      expect(titleOf(found, 'deprecations-early')).toContain('background_batch.module');
      expect(titleOf(found, 'deprecations-early')).toContain('ultimate_cron');
    });
  }

  /** In one step, and not through a hard link to the original. */
  async function replaceFile(file: string, text: string): Promise<void> {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }
});
