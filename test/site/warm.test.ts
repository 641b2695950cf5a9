import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineRunning } from '../harness/doctor.js';
import { event } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { finished, runToEnd, type FinishedRun } from '../harness/run.js';
import { sights, sightsAt } from '../harness/sights.js';
import { waitFor } from '../harness/wait.js';

describeSites('processes that find the site loaded', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 3, isolation: 'process' } });

  /** How the worker of a run was made. */
  const made = (run: Pick<FinishedRun, 'handle'>): unknown =>
    bench.daemon.lines.findLast((line) => line.event === 'run.dispatched' && line['handle'] === run.handle)?.[
      'isolation'
    ];

  /** Runs until one has found the site loaded; the first start after a pause never does. */
  const untilWarm = async (): Promise<void> => {
    await waitFor(async () => made(await runToEnd(bench, 'drupald_fixture_noop')) === 'process', {
      what: 'a process to find the site loaded',
      seen: () => bench.daemon.output.slice(-2000),
    });
  };

  /** Runs one callback several times in a row; how their workers were made. */
  const several = async (): Promise<unknown[]> => {
    const kinds: unknown[] = [];
    for (let i = 0; i < 5; i += 1) {
      kinds.push(made(await runToEnd(bench, 'drupald_fixture_noop')));
    }
    return kinds;
  };

  test('are forked from one that loaded it, while work flows', async () => {
    await untilWarm();
    expect(await several()).toContain('process');
    expect((await examineRunning(bench.daemon.stateDir)).codes).toContain('kept-loaded');
  });

  test('see the request of their own start', async () => {
    await untilWarm();
    for (let i = 0; i < 5; i += 1) {
      const seen = await sights(bench);
      const path = `bgp-start/${seen.handle}/`;
      expect([seen.requestPath, seen.bootPath, seen.initPath].map((shown) => shown.slice(0, path.length))).toEqual([
        path,
        path,
        path,
      ]);
      expect(Number(seen.server['REQUEST_TIME_FLOAT'])).toBeGreaterThan(0);
    }
  });

  test('many in a row leave nothing behind', async () => {
    await untilWarm();
    const handles = await bench.caller.startMany(
      Array.from({ length: 200 }, () => ({ callback: 'drupald_fixture_mark', args: ['many'] })),
    );
    for (const handle of handles) {
      expect(typeof handle).toBe('string');
      await event(bench.site, String(handle), 'mark');
      expect((await finished(bench, String(handle))).ended['outcome']).toBe('completed');
    }
    await nothingLeft(bench.site, bench.daemon);
  });

  test('a connection that cannot be closed keeps the site from being kept loaded', async () => {
    await bench.site.configure({
      extra: "$GLOBALS['drupald_fixture_held'] = stream_socket_client('udp://127.0.0.1:9');",
    });
    await runToEnd(bench, 'drupald_fixture_noop');
    await bench.daemon.logged((line) => line.event === 'zygote.unfit', 'zygote.unfit');
    expect(new Set(await several())).toEqual(new Set(['fresh']));
    const found = await examineRunning(bench.daemon.stateDir);
    expect(found.bad).toContain('not-kept-loaded');
    expect(found.findings.find(({ code }) => code === 'not-kept-loaded')?.title).toContain('1 connection');
    await bench.site.configure({ extra: '' });
    await bench.restart();
    await untilWarm();
  });

  test('settings that look at the request are asked anew for another one', async () => {
    await bench.site.configure({
      extra:
        "$conf['drupald_fixture_variable'] = isset($_SERVER['HTTP_USER_AGENT']) ? $_SERVER['HTTP_USER_AGENT'] : '-';",
    });
    const host = new URL(bench.site.uris[0] ?? '').host;
    for (const agent of ['One', 'Two', 'Two', 'Two', 'One', 'Two', 'One']) {
      const seen = await sightsAt(bench, host, '', { headers: [`User-Agent: ${agent}`] });
      expect(seen.variable).toContain(agent);
    }
    expect((await examineRunning(bench.daemon.stateDir)).bad).toContain('request-in-settings');
    await bench.site.configure({ extra: "$conf['drupald_fixture_variable'] = isset($_GET['q']) ? $_GET['q'] : '-';" });
    for (let i = 0; i < 4; i += 1) {
      const seen = await sights(bench);
      expect(seen.variable).toContain(seen.handle);
    }
    await bench.site.configure({ extra: '' });
  });

  test('what settings change in the surroundings is there in every process', async () => {
    await bench.site.configure({
      extra:
        "$_SERVER['DRUPALD_FIXTURE_SETTINGS'] = 'set'; $_ENV['DRUPALD_FIXTURE_SETTINGS'] = 'set'; ini_set('precision', '9');",
    });
    await untilWarm();
    for (let i = 0; i < 4; i += 1) {
      const seen = await sights(bench);
      expect(seen.server['DRUPALD_FIXTURE_SETTINGS']).toBe('set');
      expect(seen.precision).toBe('9');
    }
    await bench.site.configure({ extra: '' });
  });
});
