import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { newHandle, runToEnd } from '../harness/run.js';

/** Where settings.php of a host may find what the environment tells it. */
const WAYS: Readonly<Record<string, string>> = {
  'getenv()': "getenv('DB_PASSWORD')",
  $_SERVER: "isset($_SERVER['DB_PASSWORD']) ? $_SERVER['DB_PASSWORD'] : FALSE",
  $_ENV: "isset($_ENV['DB_PASSWORD']) ? $_ENV['DB_PASSWORD'] : FALSE",
};

describeSites('database credentials from the environment', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  const configFile = async (env: Readonly<Record<string, string>>): Promise<string> => {
    // As a web server whose PHP fills $_ENV.
    const ini = { variables_order: 'EGPCS' };
    const config = join(bench.suite.folder, `${newHandle('credentials')}.yml`);
    const { root, uris } = bench.site;
    await writeFile(config, JSON.stringify({ sites: [{ root, uris, env, ini }] }));
    return config;
  };

  /** settings.php takes the password from its surroundings; without one there is none. */
  const takeFrom = async (expression: string): Promise<void> => {
    await bench.site.configure({
      extra: `if (PHP_SAPI !== 'cli' || isset($_SERVER['REDIRECT_STATUS'])) {
  $databases['default']['default']['password'] = (string) (${expression});
}`,
    });
  };

  for (const [way, expression] of Object.entries(WAYS)) {
    test(`reach settings.php by ${way}`, async () => {
      await takeFrom(expression);
      const config = await configFile({ DB_PASSWORD: bench.site.database.password });
      await bench.restart({ config, sites: [] });
      const run = await runToEnd(bench, 'drupald_fixture_environment');
      expect(run.ended['outcome']).toBe('completed');
      expect(detail(await event(bench.site, run.handle, 'environment'))).toMatchObject({ sapi: 'cli' });
      const killed = await runToEnd(bench, 'drupald_fixture_signal', [9]);
      expect(killed.shutdowns).toHaveLength(1);
    });
  }

  test('are missed by name when the setting env lacks them', async () => {
    await takeFrom(WAYS['getenv()'] ?? '');
    const { account } = bench.site;
    const user = account.switched ? ['--user', account.name] : [];
    const args = ['doctor', '--json', '--config', await configFile({}), '--listen', '127.0.0.1:1', ...user];
    const result = await drupald(args);
    expect(result.code).toBe(1);
    const { findings } = JSON.parse(result.stdout) as {
      findings: { level: string; title: string; remedy?: string }[];
    };
    const problem = findings.find(({ level }) => level === 'problem');
    expect(problem?.title).toContain('using password: NO');
    expect(problem?.remedy).toContain('"env" of the site');
  });
});
