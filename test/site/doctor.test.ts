import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineAlone, examineRunning, type Examination, type ExaminationWish } from '../harness/doctor.js';
import { FakeClock, hasFakeClock } from '../harness/fake-clock.js';
import { titleOf } from '../harness/prepare-examined.js';
import { replaceFile } from '../harness/replace-file.js';

describeSites('doctor', [], (kind) => {
  const bench = prepareBench(kind);
  const apache = prepareApache(bench, 'SetEnv SHOP_MODE live\nphp_value memory_limit 200M\nphp_value precision 12');

  const alone = (wish: Omit<ExaminationWish, 'folder'> = {}): Promise<Examination> =>
    examineAlone(bench.site, { folder: bench.suite.folder, ...wish });
  const running = (): Promise<Examination> => examineRunning(bench.daemon.stateDir);
  const probes = async (): Promise<string[]> =>
    (await readdir(bench.site.root)).filter((name) => name.includes('probe'));

  test('a well site has no problem, with a daemon and without', async () => {
    // Drupal 7.103 no longer sets the cookie by itself, and only batches miss it.
    expect((await running()).bad).toEqual(bench.site.features.has('batch') ? ['has-js'] : []);
    await bench.site.variable('set_has_js_cookie', 1);
    const asked = await running();
    expect(asked.bad).toEqual([]);
    // The class of Background Batch is deprecated from PHP 8.1 on, and harms nothing by itself.
    const known = asked.codes.filter((code) => code !== 'deprecations');
    expect(known).toEqual(['boots', 'serves', 'start-begins', 'kept-loaded', 'processes']);
    expect(asked.code).toBe(0);
    const own = await alone();
    // Nothing leads to port 1, and that is all.
    expect(own.bad).toEqual(['no-service-host']);
    expect(own.code).toBe(0);
  });

  test('maintenance mode and a code path that ends every start are told', async () => {
    await bench.site.variable('maintenance_mode', 1);
    expect((await running()).bad).toEqual(['maintenance']);
    await bench.site.variable('maintenance_mode', 0);

    const module = join(bench.site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
    const repair = await replaceFile(module, (text) => {
      const broken = text.replace(
        'function drupald_fixture_init() {',
        "function drupald_fixture_init() {\n  if (strpos($_GET['q'], 'bgp-start') === 0) {\n    print '<p>Go &amp; see</p>';\n    drupal_goto('user');\n  }",
      );
      expect(broken).not.toBe(text);
      return broken;
    });
    const found = await running();
    expect(found.code).toBe(1);
    expect(found.bad).toEqual(['start-fails']);
    const title = found.findings.find(({ code }) => code === 'start-fails')?.title;
    expect(title).toContain('drupald_fixture_init()');
    expect(title).toContain('the last that it printed: Go & see');
    await repair();
  });

  test('a site that the running daemon does not serve is looked at all the same', async () => {
    const flags = ['--root', '/', '--uri', 'http://other.test'];
    const found = await examineRunning(bench.daemon.stateDir, flags);
    expect(found.bad).toEqual(['not-served', 'refused']);
    expect(found.code).toBe(1);
    const same = ['--root', bench.site.root, '--uri', bench.site.uris[0] ?? ''];
    expect((await examineRunning(bench.daemon.stateDir, same)).bad).toEqual([]);
  });

  test('a password that is no longer right is told as such', async () => {
    const text = await readFile(bench.site.settingsPath, 'utf8');
    const { password } = bench.site.database;
    await writeFile(bench.site.settingsPath, text.replace(`"password":"${password}"`, '"password":"wrong"'));
    const found = await running();
    await writeFile(bench.site.settingsPath, text);
    expect(found.bad).toEqual(['refused']);
    expect(found.findings.find(({ code }) => code === 'refused')?.title).toContain('DRUPALD_DATABASE_CREDENTIALS');
    expect((await running()).bad).toEqual([]);
  });

  test('the web server’s side is read once, and only what differs is said', async () => {
    const flags = ['--web', '--to', apache.address];
    const found = await alone({ flags });
    const titles = found.findings.map(({ title }) => title);
    expect(titles).toContainEqual(expect.stringContaining('memory_limit is "200M" under the web server'));
    expect(titles).toContainEqual(expect.stringContaining('precision is "12"'));
    expect(titles).toContainEqual(expect.stringContaining('sets SHOP_MODE'));
    expect(new Set(found.bad)).toEqual(new Set(['no-service-host', 'web-ini', 'web-environment']));
    expect(JSON.stringify(found)).not.toContain('live');
    expect(await probes()).toEqual([]);
  });

  test('whoever follows the remedies has the same settings, and what is changed then is told', async () => {
    const flags = ['--web', '--to', apache.address];
    const same = { env: { SHOP_MODE: 'live' }, ini: { memory_limit: '200M', precision: '12' } };
    const followed = await alone({ flags, site: same });
    expect(followed.codes, JSON.stringify(followed.findings)).toContain('web-same');
    const other = { ...same, umask: '0002', ini: { ...same.ini, disable_functions: 'exec' } };
    expect((await alone({ flags, site: other })).bad).toEqual(['no-service-host', 'web-functions', 'web-umask']);
    expect(await probes()).toEqual([]);
  });

  test.runIf(hasFakeClock)('a PHP of the site with a clock of its own is told', async () => {
    const clock = await FakeClock.at(join(bench.suite.folder, 'doctor.clock'));
    await clock.shift(-3_600_000);
    const found = await alone({ site: { env: clock.env } });
    expect(found.bad).toContain('php-clock');
    expect(titleOf(found, 'php-clock')).toMatch(/ differs by -3\d{3}\.\d s$/);
  });

  test('a web server that does not answer is told, and the probe is taken away', async () => {
    const found = await alone({ flags: ['--web', '--to', 'http://127.0.0.1:1'] });
    expect(found.code).toBe(1);
    expect(found.bad).toEqual(['no-service-host', 'probe-unanswered']);
    expect(await probes()).toEqual([]);
  });
});
