import { beforeAll, describe, expect, test } from 'vitest';

import { hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { cronSights, cronState, makeDue, numberVariable, visit } from '../harness/cron.js';
import { describeSites } from '../harness/describe-sites.js';
import { events, openGate } from '../harness/fixture-log.js';
import { ask, history } from '../harness/history.js';
import { nothingLeft } from '../harness/leftovers.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { waitFor } from '../harness/wait.js';

const run = hasApache() ? describe : describe.skip;

run('cron of a site without Ultimate Cron', () => {
  describeSites('core cron', ['real'], (kind) => {
    const bench = prepareBench(kind, { daemon: { slots: 2 } });
    const apache = prepareApache(bench);

    beforeAll(async () => {
      await bench.site.variable('cron_safe_threshold', 3600);
      await cronState(bench, 'waiting');
    });

    const ended = (): number =>
      bench.daemon.lines.filter((line) => line.event === 'run.ended' && line['handle'] === 'drupald_cron').length;

    /** Runs cron once with the fixture's hook in a mood; until it and what follows it is over. */
    async function runOnce(mood: string, runs = 1): Promise<void> {
      await bench.site.sql('DELETE FROM {drupald_fixture_log}');
      await bench.site.variable('drupald_fixture_cron', mood);
      await bench.site.sql("INSERT INTO {queue} (name, data, expire, created) VALUES ('nobody', '', 1, 1)");
      const before = ended();
      await makeDue(bench.site);
      await waitFor(() => ended() >= before + runs, {
        what: `cron to run with "${mood}"`,
        seen: () => bench.daemon.lines.slice(-20),
      });
      await cronState(bench, 'waiting');
    }

    /** Whether system_cron(), which comes after the fixture's hook, was called: it ends leases that are over. */
    async function laterModulesRan(): Promise<boolean> {
      const rows = await bench.site.sql<{ expire: number }>("SELECT expire FROM {queue} WHERE name = 'nobody'");
      await bench.site.sql("DELETE FROM {queue} WHERE name = 'nobody'");
      return rows.length > 0 && rows.every(({ expire }) => expire === 0);
    }

    test('as cron.php would do it: its user, its address, and the time in cron_last', async () => {
      const before = Math.floor(Date.now() / 1000);
      await runOnce('');
      expect(await cronSights(bench.site)).toEqual([
        expect.objectContaining({ sapi: 'cli', script: '/cron.php', method: 'GET', uid: 0, saves: false }),
      ]);
      expect(await numberVariable(bench.site, 'cron_last')).toBeGreaterThanOrEqual(before);
      expect(await laterModulesRan()).toBe(true);
      const { runs } = await history(bench, '--limit', '1');
      expect(runs[0]).toMatchObject({ handle: 'drupald_cron', callback: 'drupald_core_cron', outcome: 'completed' });
      const log = await ask(bench, 'logs', 'drupald_cron');
      expect(log.stdout).toContain('system_cron():');
    });

    test.each(['exception', 'error'])('an %s in one hook stops no other', async (mood) => {
      await runOnce(mood);
      expect(await laterModulesRan()).toBe(true);
      expect((await ask(bench, 'logs', 'drupald_cron')).stdout).toContain('drupald_fixture_cron() threw');
      const told = await bench.site.sql<{ variables: Buffer }>(
        "SELECT variables FROM {watchdog} WHERE type = 'cron' AND message LIKE '%threw%' ORDER BY wid DESC LIMIT 1",
      );
      expect(told[0]?.variables.toString()).toContain('the hook of the fixture');
    });

    test.each([
      ['exit 0', 'completed'],
      ['exit 3', 'exited'],
      ['fatal', 'fatal'],
      ['memory', 'out-of-memory'],
      ['signal', 'signalled'],
    ])('after a death (%s) the other hooks run, and cron_last moves', async (mood, outcome) => {
      await runOnce(mood, 2);
      expect(await laterModulesRan()).toBe(true);
      expect(await cronSights(bench.site)).toHaveLength(1);
      expect(Date.now() / 1000 - (await numberVariable(bench.site, 'cron_last'))).toBeLessThan(1000);
      const { runs } = await history(bench, '--limit', '2');
      expect(runs.map((one) => one.outcome)).toEqual(['completed', outcome]);
      expect(await bench.site.sql("SELECT * FROM {semaphore} WHERE name = 'cron'")).toEqual([]);
    });

    test('while it goes on its lock is renewed, cron_last stays young, and no page runs it', async () => {
      await bench.site.sql('DELETE FROM {drupald_fixture_log}');
      await bench.site.variable('cron_lock_expiration_timeout', 4);
      await bench.site.variable('cron_safe_threshold', 3);
      await bench.site.variable('drupald_fixture_cron', 'gate long');
      await makeDue(bench.site);
      await waitFor(async () => (await cronSights(bench.site)).length === 1, { what: 'cron to begin' });
      expect(await cronState(bench, 'running')).toMatchObject({ step: 'drupald_fixture' });
      const visitor = visit(apache.address);
      const lock = async (): Promise<number> =>
        (await bench.site.sql<{ expire: number }>("SELECT expire FROM {semaphore} WHERE name = 'cron'"))[0]?.expire ??
        NaN;
      const first = { expire: await lock(), last: await numberVariable(bench.site, 'cron_last') };
      await waitFor(
        async () =>
          (await lock()) > first.expire + 4 &&
          (await numberVariable(bench.site, 'cron_last')) > first.last + 3 &&
          visitor.count > 10,
        { what: 'lock and cron_last to be renewed twice', seen: async () => ({ first, lock: await lock() }) },
      );
      expect(await cronSights(bench.site)).toHaveLength(1);
      await bench.site.variable('drupald_fixture_cron', '');
      await openGate(bench.site, 'long');
      // Two more, by their time, under the eyes of the visitor.
      await waitFor(async () => (await cronSights(bench.site)).length >= 3, { what: 'two further runs' });
      await visitor.stop();
      expect((await cronSights(bench.site)).map(({ sapi }) => sapi)).not.toContain('apache2handler');
    }, 90_000);

    test('the next daemon goes on with a run that the last one began', async () => {
      await bench.site.variable('cron_safe_threshold', 3600);
      await bench.site.variable('drupald_fixture_cron', 'gate handed-over');
      await bench.site.sql('DELETE FROM {drupald_fixture_log}');
      await makeDue(bench.site);
      await waitFor(async () => (await cronSights(bench.site)).length === 1, { what: 'cron to begin' });
      await bench.daemon.kill9();
      await bench.restart();
      await cronState(bench, 'running');
      const lock = async (): Promise<number> =>
        (await bench.site.sql<{ expire: number }>("SELECT expire FROM {semaphore} WHERE name = 'cron'"))[0]?.expire ??
        NaN;
      const first = await lock();
      await waitFor(async () => (await lock()) > first, { what: 'the lock to be renewed by the next daemon' });
      await openGate(bench.site, 'handed-over');
      await waitFor(() => ended() === 1, { what: 'the run to end' });
      await waitFor(async () => (await history(bench, '--limit', '1')).runs[0]?.outcome === 'completed', {
        what: 'the run in the history',
      });
      expect(await cronSights(bench.site)).toHaveLength(1);
      await bench.site.variable('drupald_fixture_cron', '');
    });

    test('in maintenance mode it waits', async () => {
      await cronState(bench, 'waiting');
      await bench.site.variable('maintenance_mode', 1);
      await cronState(bench, 'maintenance');
      const before = (await cronSights(bench.site)).length;
      await makeDue(bench.site);
      await bench.site.variable('drupald_fixture_cron', '');
      await bench.site.variable('maintenance_mode', 0);
      await waitFor(async () => (await cronSights(bench.site)).length > before, { what: 'cron after maintenance' });
    });

    test('"drupald cron run" runs it now, and Unlock ends it', async () => {
      await bench.site.variable('cron_safe_threshold', 0);
      await cronState(bench, 'off');
      await bench.site.variable('drupald_fixture_cron', 'gate never');
      const gates = async (): Promise<number> => (await events(bench.site, undefined, 'gate')).length;
      const began = await gates();
      expect((await ask(bench, 'cron', 'run', 'nothing')).stderr).toContain('[DRUPALD_CRON_JOB_UNKNOWN]');
      expect((await ask(bench, 'cron', 'run', 'cron')).code).toBe(0);
      await waitFor(async () => (await gates()) > began, { what: 'the hook to wait' });
      expect((await ask(bench, 'cron', 'run', 'cron')).stderr).toContain('[DRUPALD_CRON_JOB_NOT_STARTED]');
      const runs = ended();
      await bench.site.php("background_process_unlock('drupald_cron'); return TRUE;");
      await waitFor(() => ended() > runs, { what: 'the run to be ended' });
      expect(await bench.site.sql("SELECT * FROM {semaphore} WHERE name = 'cron'")).toEqual([]);
      await bench.site.variable('drupald_fixture_cron', '');
      await nothingLeft(bench.site, bench.daemon);
    });

    test('where its lock is held elsewhere no hook is called, and the log says so', async () => {
      await bench.site.variable('cron_safe_threshold', 3600);
      const until = Date.now() / 1000 + 3_600;
      await bench.site.sql("INSERT INTO {semaphore} (name, value, expire) VALUES ('cron', 'elsewhere', ?)", [until]);
      await runOnce('');
      expect(await cronSights(bench.site)).toEqual([]);
      expect((await ask(bench, 'logs', 'drupald_cron')).stdout).toContain('Cron was running elsewhere');
      const told = await bench.site.sql(
        "SELECT 1 FROM {watchdog} WHERE type = 'cron' AND severity = 4 AND message LIKE '%already running%'",
      );
      expect(told).toHaveLength(1);
      // It is not ours to free.
      expect(await bench.site.sql("SELECT value FROM {semaphore} WHERE name = 'cron'")).toEqual([
        { value: 'elsewhere' },
      ]);
      await bench.site.sql("DELETE FROM {semaphore} WHERE name = 'cron'");
    });

    test('what somebody else runs is noticed, and stopping gives cron back to the pages', async () => {
      await bench.site.variable('cron_safe_threshold', 3600);
      await cronState(bench, 'waiting');
      await bench.site.php('return drupal_cron_run();');
      await bench.daemon.logged((line) => line.event === 'cron.foreign', 'cron.foreign');
      await bench.daemon.stop();
      await makeDue(bench.site);
      const visitor = visit(apache.address);
      await waitFor(async () => (await cronSights(bench.site)).some(({ sapi }) => sapi === 'apache2handler'), {
        what: 'a page to run cron',
      });
      await visitor.stop();
    });
  });

  describeSites('core cron whose database goes away', ['real'], (kind) => {
    const bench = prepareBench(kind, { ownServer: true, daemon: { slots: 2 } });

    test('goes on behind the hook that it went away in, when it is back', async () => {
      const { site, daemon } = bench;
      await site.variable('drupald_fixture_cron', 'gate never');
      await site.variable('cron_safe_threshold', 3600);
      await site.sql("INSERT INTO {queue} (name, data, expire, created) VALUES ('nobody', '', 1, 1)");
      await makeDue(site);
      await waitFor(async () => (await cronSights(site)).length === 1, { what: 'the hook to wait' });
      await site.server.stop();
      await daemon.logged((line) => line.event === 'settle.postponed' || line.event === 'run.ended', 'its death');
      await site.server.restart();
      await waitFor(
        async () =>
          (await site.sql<{ expire: number }>("SELECT expire FROM {queue} WHERE name = 'nobody'"))[0]?.expire === 0,
        { what: 'system_cron() to be called', limitMs: 60_000, seen: () => daemon.lines.slice(-20) },
      );
      expect(await cronSights(site)).toHaveLength(1);
    }, 120_000);
  });
});
