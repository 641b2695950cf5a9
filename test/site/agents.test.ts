import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { newHandle, runToEnd } from '../harness/run.js';

interface Agents {
  readonly settings: Readonly<Record<string, string>>;
  readonly prepended: boolean;
  readonly fromAgentIni: string;
  /** Modes of Xdebug where it is loaded. */
  readonly xdebug: readonly string[] | null;
}

describeSites('agents that the PHP of a machine brings along', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });
  let folder = '';

  beforeAll(async () => {
    // A machine whose php.ini switches on whatever there is.
    folder = await mkdtemp(join(bench.suite.folder, 'agents-'));
    await chmod(folder, 0o755);
    const agent = join(folder, 'agent.php');
    await writeFile(agent, "<?php $GLOBALS['drupald_fixture_agent'] = TRUE;\n");
    const ini = [
      'drupald_fixture.agent_ini = read',
      `auto_prepend_file = ${agent}`,
      'xdebug.mode = debug',
      'xdebug.remote_enable = 1',
      'newrelic.enabled = 1',
      'ddtrace.disable = 0',
      'elastic_apm.enabled = 1',
    ];
    await writeFile(join(folder, 'agents.ini'), `${ini.join('\n')}\n`);
  });

  const look = async (ini: Readonly<Record<string, string>>, isolation: 'fresh' | 'cold'): Promise<Agents> => {
    const config = join(bench.suite.folder, `${newHandle('agents')}.yml`);
    const { root, uris } = bench.site;
    // The leading colon keeps the folders that PHP reads by itself.
    const env = { PHP_INI_SCAN_DIR: `:${folder}` };
    await writeFile(config, JSON.stringify({ isolation, sites: [{ root, uris, env, ini }] }));
    await bench.restart({ config, sites: [] });
    const run = await runToEnd(bench, 'drupald_fixture_agents');
    return detail(await event(bench.site, run.handle, 'agents')) as Agents;
  };

  for (const isolation of ['fresh', 'cold'] as const) {
    test(`are off with isolation ${isolation}`, async () => {
      const seen = await look({}, isolation);
      expect(seen.fromAgentIni).toBe('read');
      expect(seen.prepended).toBe(false);
      // PHP reads the word off as an empty text, which Xdebug takes for off.
      expect(seen.settings).toEqual({
        'xdebug.mode': '',
        'xdebug.remote_enable': '0',
        'newrelic.enabled': '0',
        'ddtrace.disable': '1',
        'elastic_apm.enabled': '0',
      });
      expect(seen.xdebug ?? []).toEqual([]);
    });
  }

  test('are on where the setting ini asks for them', async () => {
    const seen = await look({ 'newrelic.enabled': '1', auto_prepend_file: join(folder, 'agent.php') }, 'fresh');
    expect(seen.settings).toMatchObject({ 'newrelic.enabled': '1', 'xdebug.mode': '' });
    expect(seen.prepended).toBe(true);
  });
});
