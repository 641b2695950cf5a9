import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { FakeClock, hasFakeClock } from '../harness/fake-clock.js';
import { enableModules } from '../harness/real-site.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const run = hasFakeClock ? describe : describe.skip;

/** Minutes in which two ticks meet. */
const rounds = Number(process.env['DRUPALD_TEST_ROUNDS'] ?? 500);

run('a clock that is set', () => {
  describeSites('Ultimate Cron', ['real'], (kind) => {
    // Without it PHP 8.2 ends each page of Ultimate Cron beside Background Batch while caches are cold.
    const extra = 'error_reporting(E_ALL & ~E_DEPRECATED);';
    const bench = prepareBench(kind, { site: { settings: { extra } }, daemon: { slots: 6 } });
    let clock: FakeClock;
    const told: Record<string, unknown> = {};

    const logged = (from: number): Promise<{ start_time: number; end_time: number }[]> =>
      bench.site.sql(
        "SELECT start_time, end_time FROM {ultimate_cron_log} WHERE name = 'drupald_each' AND log_type = 0 AND start_time >= ? ORDER BY start_time",
        [from],
      );
    const starts = async (from = 0): Promise<number[]> => (await logged(from)).map(({ start_time }) => start_time);
    const ends = async (from: number): Promise<number[]> => (await logged(from)).map(({ end_time }) => end_time);

    beforeAll(async () => {
      const { site } = bench;
      await bench.daemon.stop();
      clock = await FakeClock.at(join(bench.suite.folder, newHandle('clock')));
      await enableModules(site, ['ultimate_cron']);
      await site.variable('drupald_fixture_jobs', { each: { launcher: 'serial', rules: '* * * * *' } });
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 4 });
      await site.php('drupal_flush_all_caches(); return TRUE;');
      await clock.set('2027-06-01T00:00:30Z');
      await bench.restart({ env: clock.env });
      await waitFor(async () => (await starts()).length > 0, { what: 'a first run' });
    }, 120_000);

    afterAll(() => {
      console.table(told);
    });

    test('a tick of the module and one of drupald in the same moment run each job once', async () => {
      const { site } = bench;
      const first = Math.ceil(clock.now / 60_000) + 1;
      let foreign = 0;
      for (let round = 0; round < rounds; round += 1) {
        const minute = (first + round) * 60;
        const caller = await site.caller({ env: clock.env });
        const before = (await starts(minute)).length;
        expect(before).toBe(0);
        await clock.shift(minute * 1000 + 200 - Date.now());
        // drupald looks once a second: within the next one, somewhere beside that tick.
        const looked = pause(1_200);
        await pause(Math.random() * 1_000);
        await caller.php('ultimate_cron_run_scheduled(FALSE); return TRUE;');
        await caller.close();
        await looked;
        await waitFor(async () => (await ends(minute)).some((at) => at > 0), { what: `the run of round ${round}` });
        foreign += 1;
      }
      const all = await starts(first * 60);
      const minutes = all.map((at) => Math.floor(at / 60) - first);
      told['rounds'] = foreign;
      told['runs'] = all.length;
      const ours = bench.daemon.lines.filter(
        ({ event, handle }) => event === 'run.ended' && String(handle).endsWith('_each'),
      );
      told['runs by drupald'] = ours.length;
      expect(ours.length).toBeGreaterThan(rounds / 10);
      expect(ours.length).toBeLessThan(rounds);
      expect(minutes).toEqual(Array.from({ length: rounds }, (_, index) => index));
    });

    test('back by an hour silences no job beyond one period', async () => {
      const from = clock.now - 3_600_000;
      await clock.shift(from - Date.now());
      await waitFor(async () => (await starts()).some((at) => at >= from / 1000 && at < from / 1000 + 300), {
        what: 'the job to run by the new time',
        limitMs: 150_000,
        seen: starts,
      });
    });
  });
});
