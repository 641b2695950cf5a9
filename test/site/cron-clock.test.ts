import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { events } from '../harness/fixture-log.js';
import { FakeClock, hasFakeClock } from '../harness/fake-clock.js';
import { ask } from '../harness/history.js';
import { enableModules } from '../harness/real-site.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const run = hasFakeClock ? describe : describe.skip;

const jobs = {
  each: { rules: '* * * * *' },
  fixed: { rules: '30 3 * * *' },
  hourly: { rules: '0 * * * *' },
  strict: { rules: '0 * * * *', catch_up: 60 },
  weekly: { rules: '0 5 * * 0', scheduler: 'simple' },
  off: { rules: '* * * * *' },
};

run('Ultimate Cron by a clock that is set', () => {
  describeSites('times of Ultimate Cron', ['real'], (kind) => {
    // Without it PHP 8.2 ends each page of Ultimate Cron beside Background Batch while caches are cold.
    const extra = 'error_reporting(E_ALL & ~E_DEPRECATED);';
    const bench = prepareBench(kind, { site: { settings: { extra } }, daemon: { slots: 6 } });
    let clock: FakeClock;

    /** Minutes in which a job began, as the module has logged them, from a moment on. */
    async function begun(name: string, from: string): Promise<string[]> {
      const rows = await bench.site.sql<{ start_time: number }>(
        'SELECT start_time FROM {ultimate_cron_log} WHERE name = ? AND log_type = 0 AND start_time >= ? ORDER BY start_time',
        [`drupald_${name}`, Date.parse(from) / 1000],
      );
      return rows.map(({ start_time }) => `${new Date(start_time * 1000).toISOString().slice(0, 16)}Z`);
    }

    /** Sets the clock just before a minute, and waits until the job of each minute has begun in it. */
    async function pass(minute: string): Promise<void> {
      await clock.shift(Date.parse(minute) - 1_500 - Date.now());
      await waitFor(async () => (await begun('each', minute)).includes(minute), {
        what: `the job of each minute to run at ${minute}`,
        seen: async () => ({ begun: await begun('each', '2027-01-01T00:00Z'), lines: bench.daemon.lines.slice(-12) }),
      });
    }

    const listed = async (): Promise<Readonly<Record<string, unknown>>[]> =>
      (JSON.parse((await ask(bench, 'cron', '--json')).stdout) as { jobs: Readonly<Record<string, unknown>>[] }).jobs;

    const stateOf = (name: string, state: string): Promise<unknown> =>
      waitFor(async () => (await listed()).find((one) => one['name'] === `drupald_${name}`)?.['state'] === state, {
        what: `${name} to be ${state}`,
        seen: listed,
      });

    // Neither the zone of the machine nor that of a visitor is the one of the site.
    const start = (): Promise<unknown> => bench.restart({ env: { ...clock.env, TZ: 'America/New_York' } });

    beforeAll(async () => {
      const { site } = bench;
      await bench.daemon.stop();
      clock = await FakeClock.at(join(bench.suite.folder, newHandle('clock')));
      await enableModules(site, ['ultimate_cron']);
      await site.variable('date_default_timezone', 'Europe/Tallinn');
      await site.variable('configurable_timezones', 1);
      await site.sql("UPDATE {users} SET timezone = 'Pacific/Auckland'");
      await site.variable(
        'drupald_fixture_jobs',
        Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, { launcher: 'serial', ...job }])),
      );
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 4 });
      await site.php('drupal_flush_all_caches(); return TRUE;');
      await site.php(
        "ctools_include('export'); $job = _ultimate_cron_job_load('drupald_off'); ctools_export_crud_disable('ultimate_cron_job', $job); return TRUE;",
      );
      await site.sql("DELETE FROM {variable} WHERE name = 'ultimate_cron_hooks_registered'");
      await site.sql("DELETE FROM {cache} WHERE cid = 'ultimate_cron_hooks'");
      await clock.set('2027-10-31T00:28:30Z');
      await start();
    }, 120_000);

    test('at first sight a job runs once, and the skew is the one of the module', async () => {
      await waitFor(async () => (await begun('each', '2027-01-01T00:00Z')).length > 0, { what: 'a first run' });
      // Yesterday's time, which it may catch up with.
      await waitFor(async () => (await begun('fixed', '2027-01-01T00:00Z')).length === 1, { what: 'a run of the day' });
      expect(
        await bench.site.sql("SELECT name FROM {variable} WHERE name = 'ultimate_cron_hooks_registered'"),
      ).toHaveLength(1);
      // 6 and 24, whatever other modules there are.
      const minutes = Object.fromEntries(
        (await listed()).map(({ name, rule, next }) => [
          String(name),
          `${String(rule)} at ${String(new Date(Number(next) * 1000).getUTCMinutes())}`,
        ]),
      );
      expect(minutes).toMatchObject({
        system_cron: '0+@ */3 * * * at 6',
        node_cron: '*/15+@ * * * * at 39',
      });
    });

    test('in autumn what has a fixed hour runs in the first pass alone', async () => {
      await pass('2027-10-31T00:30Z');
      await waitFor(async () => (await begun('fixed', '2027-10-31T00:30Z')).length > 0, { what: '03:30, summer time' });
      await pass('2027-10-31T01:30Z');
      await pass('2027-10-31T01:31Z');
      expect(await begun('fixed', '2027-10-31T00:30Z')).toEqual(['2027-10-31T00:30Z']);
    });

    test('in spring what the change skips runs once, at the first minute behind it', async () => {
      await pass('2028-03-26T01:00Z');
      await waitFor(async () => (await begun('fixed', '2028-03-26T01:00Z')).length > 0, { what: '04:00, summer time' });
      await pass('2028-03-26T01:30Z');
      await pass('2028-03-26T01:31Z');
      expect(await begun('fixed', '2028-03-26T01:00Z')).toEqual(['2028-03-26T01:00Z']);
    });

    test('after an outage the latest time that was missed runs once, if it may', async () => {
      const since = '2028-03-26T01:32Z';
      await bench.daemon.stop();
      await clock.set('2028-03-26T04:34:57Z');
      await start();
      await pass('2028-03-26T04:36Z');
      await pass('2028-03-26T04:37Z');
      expect(await begun('hourly', since)).toHaveLength(1);
      expect(await begun('weekly', since)).toHaveLength(1);
      expect(await begun('strict', since)).toEqual([]);
    });

    test('what is set on the pages of the module counts from the next minute on', async () => {
      const { site } = bench;
      const save = (change: string): Promise<unknown> =>
        site.php(
          `ctools_include('export'); $job = _ultimate_cron_job_load('drupald_fixed', TRUE); ${change} return TRUE;`,
        );
      const ruleOf = async (): Promise<unknown> =>
        (await listed()).find((one) => one['name'] === 'drupald_fixed')?.['rule'];
      const queues = async (): Promise<unknown[]> =>
        (await listed()).map((one) => String(one['name'])).filter((name) => name.startsWith('queue_'));
      const before = await queues();
      expect(before).toContain('queue_drupald_fixture_work');
      await save(
        "$job->settings['scheduler']['name'] = 'crontab'; $job->settings['scheduler']['crontab'] = array('rules' => array('39 7 * * *'), 'catch_up' => 300); ctools_export_crud_save('ultimate_cron_job', $job);",
      );
      await site.php('drupal_flush_all_caches(); return TRUE;');
      await pass('2028-03-26T04:38Z');
      await waitFor(async () => (await ruleOf()) === '39 7 * * *', { what: 'the new rule', seen: ruleOf });
      await pass('2028-03-26T04:39Z');
      await waitFor(async () => (await begun('fixed', '2028-03-26T04:37Z')).includes('2028-03-26T04:39Z'), {
        what: 'a run by the new rule',
        seen: () => begun('fixed', '2028-03-26T04:00Z'),
      });
      expect(await queues()).toEqual(before);
      await save("ctools_export_crud_delete('ultimate_cron_job', $job);");
    });

    test('what is off, switched off as a whole, or in maintenance does not start, unless it is told to', async () => {
      const { site } = bench;
      expect(await begun('off', '2027-01-01T00:00Z')).toEqual([]);
      await stateOf('off', 'off');
      const ran = await ask(bench, 'cron', 'run', 'drupald_off');
      expect(ran.stderr).toBe('');
      await waitFor(async () => (await events(site, 'off', 'job-over')).length === 1, {
        what: 'it to run all the same',
      });

      await site.variable('ultimate_cron_disable_scheduled', true);
      await clock.set('2028-03-26T04:49:56Z');
      await stateOf('each', 'off');
      await clock.set('2028-03-26T04:50:30Z');
      await site.variable('ultimate_cron_disable_scheduled', false);
      await site.variable('maintenance_mode', 1);
      await clock.set('2028-03-26T04:59:56Z');
      await stateOf('each', 'maintenance');
      await clock.set('2028-03-26T05:00:30Z');
      await site.variable('maintenance_mode', 0);
      await pass('2028-03-26T05:10Z');
      expect((await begun('each', '2028-03-26T04:45Z')).filter((minute) => /04:5|05:00/.test(minute))).toEqual([]);
      // Its time was 05:00, and it may catch up.
      expect(await begun('hourly', '2028-03-26T04:40Z')).toHaveLength(1);
    });
  });
});
