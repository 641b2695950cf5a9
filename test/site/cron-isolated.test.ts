import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, beforeEach, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { cronSights, cronState, makeDue, numberVariable } from '../harness/cron.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { ask, history } from '../harness/history.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { waitFor } from '../harness/wait.js';

describeSites('cron whose hooks are processes of their own', ['real'], (kind) => {
  // One slot: the run that waits for a hook must not wait for ever.
  const bench = prepareBench(kind, { daemon: { slots: 1 } });

  const own = 'drupald_cron:drupald_fixture';

  /** Ends of processes of cron, in the order in which they came. */
  const ends = (): { handle: unknown; outcome: unknown }[] =>
    bench.daemon.lines
      .filter((line) => line.event === 'run.ended' && String(line['handle']).startsWith('drupald_cron'))
      .map(({ handle, outcome }) => ({ handle, outcome }));

  const lockValues = async (): Promise<string[]> =>
    (await bench.site.sql<{ value: string }>("SELECT value FROM {semaphore} WHERE name = 'cron'")).map(
      ({ value }) => value,
    );

  /** Handles of the hooks that ended since, and of the runs around them. */
  async function runOnce(mood: string, runs = 1): Promise<{ handle: unknown; outcome: unknown }[]> {
    const before = ends().length;
    await begin(mood);
    return over(before, runs);
  }

  async function begin(mood: string): Promise<void> {
    await bench.site.sql('DELETE FROM {drupald_fixture_log}');
    await bench.site.variable('drupald_fixture_cron', mood);
    await makeDue(bench.site);
  }

  async function over(before: number, runs = 1): Promise<{ handle: unknown; outcome: unknown }[]> {
    const since = () => ends().slice(before);
    await waitFor(() => since().filter(({ handle }) => handle === 'drupald_cron').length >= runs, {
      what: 'cron to end',
      seen: () => bench.daemon.lines.slice(-20),
    });
    await cronState(bench, 'waiting');
    return since();
  }

  let modules: string[] = [];

  async function configure(more = ''): Promise<void> {
    const config = join(bench.suite.folder, 'drupald.yml');
    await writeFile(config, `cron: { isolate: true }\n${more}`);
    await bench.restart({ config });
    await cronState(bench, 'waiting');
  }

  beforeAll(async () => {
    await bench.site.variable('cron_safe_threshold', 3600);
    await configure();
    const first = await runOnce('');
    modules = first.map(({ handle }) => String(handle)).filter((handle) => handle !== 'drupald_cron');
  });

  beforeEach(async () => {
    await cronState(bench, 'waiting');
  });

  /** The others have had their turn, each once, behind the fixture's, and the run came to its end. */
  async function othersRan(found: { handle: unknown; outcome: unknown }[], outcome: string): Promise<void> {
    expect(found).toEqual([
      ...modules.map((handle) => ({ handle, outcome: handle === own ? outcome : 'completed' })),
      { handle: 'drupald_cron', outcome: 'completed' },
    ]);
    expect(await cronSights(bench.site)).toHaveLength(1);
    expect(Date.now() / 1000 - (await numberVariable(bench.site, 'cron_last'))).toBeLessThan(1000);
    expect(await lockValues()).toEqual([]);
    await nothingLeft(bench.site, bench.daemon);
  }

  test('each has its handle, its log and its place in the history, in the order of the modules', async () => {
    expect(modules.length).toBeGreaterThan(4);
    expect(modules).toContain(own);
    const { runs } = await history(bench, '--limit', '50');
    expect(runs.map(({ handle }) => handle).reverse()).toEqual([...modules, 'drupald_cron']);
    expect(runs.every(({ outcome }) => outcome === 'completed')).toBe(true);
    expect(await cronSights(bench.site)).toEqual([
      expect.objectContaining({ sapi: 'cli', script: '/cron.php', uid: 0, saves: false }),
    ]);
    expect((await ask(bench, 'logs', 'drupald_cron')).stdout).toMatch(/drupald_fixture_cron\(\): [\d.]+ s, completed/);
    expect((await ask(bench, 'logs', own)).code).toBe(0);
    expect((await ask(bench, 'show', own, '--json')).stdout).toContain('drupald_cron_hook');
  });

  test.each([
    ['exception', 'threw'],
    ['error', 'threw'],
    ['exit 3', 'exited'],
    ['fatal', 'fatal'],
    ['memory', 'out-of-memory'],
    ['signal', 'signalled'],
  ])('an end of one (%s) disturbs no other', async (mood, outcome) => {
    await othersRan(await runOnce(mood), outcome);
  });

  test('while one runs the lock is that of the run, and it can be ended by hand', async () => {
    const before = ends().length;
    await begin('gate by-hand');
    await event(bench.site, own, 'gate');
    const values = await lockValues();
    expect(values).toHaveLength(1);
    expect(await cronState(bench, 'running')).toMatchObject({ step: 'drupald_fixture' });
    await bench.site.variable('maintenance_mode', 1);
    expect((await ask(bench, 'kill', own)).code).toBe(0);
    // The run goes on, as the core's would, although a maintenance has begun.
    await waitFor(() => ends().length >= before + modules.length + 1, { what: 'the other hooks' });
    await bench.site.variable('maintenance_mode', 0);
    await othersRan(await over(before), 'cancelled');
  });

  test('when the run itself is killed its hook ends, and another run goes on behind it', async () => {
    const before = ends().length;
    await begin('gate orphan');
    const { pid } = await event(bench.site, own, 'gate');
    const claims = bench.daemon.lines.filter(
      (line) => line.event === 'run.claimed' && line['handle'] === 'drupald_cron',
    );
    process.kill(Number(claims.at(-1)?.['pid']), 'SIGKILL');
    const found = await over(before, 2);
    expect(isDead(pid)).toBe(true);
    expect(found.filter(({ handle }) => handle === 'drupald_cron')).toEqual([
      { handle: 'drupald_cron', outcome: 'signalled' },
      { handle: 'drupald_cron', outcome: 'completed' },
    ]);
    expect(found.filter(({ handle }) => handle === own)).toEqual([{ handle: own, outcome: 'cancelled' }]);
    const others = found.filter(({ handle }) => handle !== 'drupald_cron' && handle !== own);
    expect(others.map(({ handle }) => handle)).toEqual(modules.filter((handle) => handle !== own));
    expect(await cronSights(bench.site)).toHaveLength(1);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('one has a limit of its own', async () => {
    await configure(`callbacks: { time: { "${own}": 1500 ms } }\n`);
    await othersRan(await runOnce('gate limited'), 'timed-out');
  });

  test('when the daemon is killed the run waits for its hook, and calls the others itself', async () => {
    await configure();
    await begin('gate handed-over');
    await event(bench.site, own, 'gate');
    await bench.daemon.kill9();
    await bench.restart({ config: join(bench.suite.folder, 'drupald.yml') });
    await cronState(bench, 'running');
    await openGate(bench.site, 'handed-over');
    const found = await over(0);
    expect(found).toEqual([
      { handle: own, outcome: 'completed' },
      { handle: 'drupald_cron', outcome: 'completed' },
    ]);
    const log = (await ask(bench, 'logs', 'drupald_cron')).stdout;
    const calls = modules.map((handle) => `${handle.slice('drupald_cron:'.length)}_cron():`);
    expect(calls.map((call) => log.split(call).length - 1)).toEqual(calls.map(() => 1));
    expect(await cronSights(bench.site)).toHaveLength(1);
    await nothingLeft(bench.site, bench.daemon);
  });
});
