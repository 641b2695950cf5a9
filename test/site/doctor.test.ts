import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareApache } from '../harness/prepare-apache.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { runProgram } from '../harness/program.js';

interface Finding {
  readonly level: string;
  readonly title: string;
  readonly remedy?: string;
}

describeSites('doctor', [], (kind) => {
  const bench = prepareBench(kind);
  const apache = prepareApache(bench, 'SetEnv SHOP_MODE live\nphp_value memory_limit 200M\nphp_value precision 12');

  /** Findings of a doctor that looks at the site itself, and its exit code. */
  const alone = async (...more: string[]): Promise<{ findings: Finding[]; code: number | null }> => {
    const { root, uris, account } = bench.site;
    const user = account.switched ? ['--user', account.name] : [];
    const args = [
      'doctor',
      '--json',
      '--root',
      root,
      '--uri',
      uris[0] ?? '',
      '--listen',
      `127.0.0.1:1`,
      ...user,
      ...more,
    ];
    const result = await runProgram(process.execPath, ['dist/cli/main.js', ...args]);
    expect(result.stderr).toBe('');
    return { ...(JSON.parse(result.stdout) as { findings: Finding[] }), code: result.code };
  };

  /** Findings of the running daemon. */
  const running = async (): Promise<{ findings: Finding[]; code: number | null }> => {
    const args = ['dist/cli/main.js', 'doctor', '--json', '--state-dir', bench.daemon.stateDir];
    const result = await runProgram(process.execPath, args);
    return { ...(JSON.parse(result.stdout) as { findings: Finding[] }), code: result.code };
  };

  const bad = (found: { findings: Finding[] }): Finding[] => found.findings.filter(({ level }) => level !== 'ok');

  test('a well site has no problem, with a daemon and without', async () => {
    // Drupal 7.103 no longer sets the cookie by itself, and only batches miss it.
    const without = bad(await running()).map(({ title }) => title);
    expect(without).toEqual(bench.site.features.has('batch') ? [expect.stringContaining('has_js')] : []);
    await bench.site.variable('set_has_js_cookie', 1);
    const asked = await running();
    expect(bad(asked)).toEqual([]);
    expect(asked.code).toBe(0);
    const own = await alone();
    // Nothing leads to port 1, and that is all.
    expect(bad(own).map(({ title }) => title)).toEqual([expect.stringContaining('no service host')]);
    expect(own.code).toBe(0);
  });

  test('maintenance mode and a code path that ends every start are told', async () => {
    await bench.site.variable('maintenance_mode', 1);
    expect(bad(await running())).toContainEqual(
      expect.objectContaining({ level: 'warn', title: expect.stringContaining('maintenance mode') as string }),
    );
    await bench.site.variable('maintenance_mode', 0);

    const module = join(bench.site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
    const text = await readFile(module, 'utf8');
    const broken = text.replace(
      'function drupald_fixture_init() {',
      "function drupald_fixture_init() {\n  if (strpos($_GET['q'], 'bgp-start') === 0) {\n    drupal_goto('user');\n  }",
    );
    expect(broken).not.toBe(text);
    await writeFile(module, broken);
    const found = await running();
    expect(found.code).toBe(1);
    const problem = bad(found).find(({ level }) => level === 'problem');
    expect(problem?.title).toContain('a process would not begin');
    expect(problem?.title).toContain('drupald_fixture_init()');
    await writeFile(module, text);
  });

  test('settings that the site would feel are told', async () => {
    const config = join(bench.suite.folder, `doctor-${kind}.yml`);
    const { root, uris } = bench.site;
    await writeFile(
      config,
      `slots: 200\nsites:\n  - root: ${root}\n    uris: [${uris[0] ?? ''}]\n    ini:\n      memory_limit: 1G\n`,
    );
    const { account } = bench.site;
    const user = account.switched ? ['--user', account.name] : [];
    const args = ['doctor', '--json', '--config', config, '--listen', '127.0.0.1:1', ...user];
    const result = await runProgram(process.execPath, ['dist/cli/main.js', ...args]);
    const titles = bad(JSON.parse(result.stdout) as { findings: Finding[] }).map(({ title }) => title);
    expect(titles).toContainEqual(expect.stringContaining('"1G"'));
    expect(titles).toContainEqual(expect.stringContaining('more than a third'));
  });

  test('the web server’s side is read once, and only what differs is said', async () => {
    const found = await alone('--web', '--to', apache.address);
    const titles = bad(found).map(({ title }) => title);
    expect(titles).toContainEqual(expect.stringContaining('memory_limit is "200M" under the web server'));
    expect(titles).toContainEqual(expect.stringContaining('precision is "12"'));
    expect(titles).toContainEqual(expect.stringContaining('sets SHOP_MODE'));
    expect(titles.join('\n')).not.toContain('umask');
    expect(titles.join('\n')).not.toContain('default_charset');
    expect(JSON.stringify(found)).not.toContain('live');
    expect((await readdir(bench.site.root)).filter((name) => name.includes('probe'))).toEqual([]);
    const unreachable = await alone('--web', '--to', 'http://127.0.0.1:1');
    expect(unreachable.code).toBe(1);
    expect((await readdir(bench.site.root)).filter((name) => name.includes('probe'))).toEqual([]);
  });
});
