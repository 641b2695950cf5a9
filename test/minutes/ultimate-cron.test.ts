import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { visit } from '../harness/cron.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, events } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { nothingLeft } from '../harness/leftovers.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { enableModules } from '../harness/real-site.js';
import { waitFor } from '../harness/wait.js';

const byRow = 'background_process_legacy';
const seldom = '0 0 29 2 *';

interface LogRow {
  readonly name: string;
  readonly start_time: number;
  readonly end_time: number;
  readonly severity: number;
  readonly init_message: string;
  readonly message: string;
}

const job = (launcher: string, rules: string, settings = {}) => ({ launcher, rules, settings });

/** Twenty jobs of a launcher that nothing starts but their rule. */
const crowd = (launcher: string, rules: string) =>
  Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`crowd_${launcher}_${index}`, job(launcher, rules)]));

describe('real minutes', () => {
  describeSites('Ultimate Cron', ['real'], (kind) => {
    // Without it PHP 8.2 ends each page of Ultimate Cron beside Background Batch while caches are cold.
    const extra = 'error_reporting(E_ALL & ~E_DEPRECATED);';
    const bench = prepareBench(kind, { site: { settings: { extra } }, daemon: { slots: 12 } });
    const apache = prepareApache(bench);
    const told: Record<string, unknown> = {};

    const each = { serial: job('serial', '* * * * *'), row: job(byRow, '* * * * *'), five: job(byRow, '* * * * *') };
    const daemonized = job(byRow, seldom, { daemonize: true, daemonize_interval: 2, daemonize_delay: 0.2 });

    async function setJobs(jobs: Readonly<Record<string, unknown>>): Promise<void> {
      await bench.site.variable('drupald_fixture_jobs', jobs);
      await bench.site.sql("DELETE FROM {cache} WHERE cid = 'ultimate_cron_hooks'");
    }

    /** Waits until drupald knows a job. One that runs meanwhile writes the list back that it has begun with. */
    async function known(name: string): Promise<void> {
      await waitFor(
        async () => {
          await bench.site.sql("DELETE FROM {cache} WHERE cid = 'ultimate_cron_hooks'");
          return (await ask(bench, 'cron', '--json')).stdout.includes(`"drupald_${name}"`);
        },
        { what: `${name} to be known`, limitMs: 130_000 },
      );
    }

    const poorman = (launcher: string): Promise<void> =>
      bench.site.variable('ultimate_cron_plugin_settings_poorman_settings', {
        launcher,
        early_page_flush: true,
        user_agent: 'x',
      });

    const logs = (like: string): Promise<LogRow[]> =>
      bench.site.sql<LogRow>(
        'SELECT name, start_time, end_time, severity, init_message, message FROM {ultimate_cron_log}' +
          ' WHERE name LIKE ? AND log_type = 0 ORDER BY start_time',
        [`drupald\\_${like}`],
      );

    const sapis = async (): Promise<string[]> => [
      ...new Set((await events(bench.site, undefined, 'job')).map((one) => (detail(one) as { sapi: string }).sapi)),
    ];

    /** Waits until so many minutes have begun. */
    async function minutes(count: number): Promise<void> {
      const end = Math.floor(Date.now() / 60_000) + count;
      await pause(end * 60_000 - Date.now() + 1_000);
    }

    beforeAll(async () => {
      const { site } = bench;
      await enableModules(site, ['ultimate_cron']);
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 2 });
      await site.variable('drupald_fixture_job_five', 'sleep 5');
      await setJobs(each);
      await poorman('serial');
      await bench.restart();
      await waitFor(async () => (await logs('serial')).length > 0, { what: 'the first run' });
    }, 120_000);

    afterAll(() => {
      console.table(told);
    });

    test('each minute has its run, within two seconds, while pages and another cron try to run them, too', async () => {
      const { site } = bench;
      const visitors = [visit(apache.address), visit(apache.address)];
      const begun = Math.ceil(Date.now() / 60_000);
      for (const launcher of ['serial', byRow, '']) {
        await poorman(launcher);
        await minutes(1);
      }
      await poorman('serial');
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 2, poorman_keepalive: true });
      await minutes(2);
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 2 });
      expect(await sapis()).toEqual(['cli']);
      // A crontab of somebody's, at the same second as ours.
      const key = await site.php<string>("return variable_get('cron_key', 'drupal');");
      for (let more = 0; more < 4; more += 1) {
        const next = Math.ceil(Date.now() / 60_000) * 60_000;
        await pause(next - Date.now());
        await fetch(`${apache.address}/cron.php?cron_key=${key}`, { headers: { host: 'site.test' } });
      }
      await minutes(1);
      for (const visitor of visitors) await visitor.stop();
      const ended = Math.floor(Date.now() / 60_000);
      const all = Array.from({ length: ended - begun + 1 }, (_, index) => begun + index);
      for (const name of ['serial', 'row', 'five']) {
        const starts = (await logs(name)).map(({ start_time }) => start_time).filter((start) => start >= begun * 60);
        expect(
          starts.map((start) => Math.floor(start / 60)),
          name,
        ).toEqual(all);
        told[`worst delay of ${name} in ${all.length} minutes (s)`] = Math.max(...starts.map((start) => start % 60));
        expect(Math.max(...starts.map((start) => start % 60)), name).toBeLessThan(2);
      }
      expect((await logs('%')).filter(({ severity }) => severity >= 0 && severity <= 3)).toEqual([]);
    });

    test('a crowd of forty is run by two threads of each launcher, and none is lost', async () => {
      const { site } = bench;
      const next = new Date(Math.ceil((Date.now() + 5_000) / 60_000) * 60_000);
      const rule = `${next.getUTCMinutes()} * * * *`;
      const jobs = { ...crowd('serial', rule), ...crowd(byRow, rule) };
      for (const name of Object.keys(jobs)) await site.variable(`drupald_fixture_job_${name}`, 'sleep 3');
      await site.sql('DELETE FROM {drupald_fixture_log}');
      await setJobs(jobs);
      await waitFor(async () => (await logs('crowd%')).filter(({ end_time }) => end_time > 0).length === 40, {
        what: 'all forty',
        limitMs: 180_000,
        seen: async () => (await logs('crowd%')).length,
      });
      const rows = await logs('crowd%');
      for (const launcher of ['serial', byRow]) {
        const mine = rows.filter(({ name }) => name.includes(launcher));
        expect(new Set(mine.map(({ name }) => name)).size).toBe(20);
        expect(mine).toHaveLength(20);
        const most = Math.max(
          ...mine.map(({ start_time: at }) => mine.filter((one) => one.start_time <= at && one.end_time > at).length),
        );
        expect(most).toBe(2);
        const first = Math.floor(Math.min(...mine.map(({ start_time }) => start_time)) / 60) * 60;
        const took = Math.max(...mine.map(({ end_time }) => end_time)) - first;
        told[`20 jobs of 3 s by two threads of ${launcher} (s)`] = took;
        expect(took).toBeLessThan(39);
      }
    });

    test('a daemonized job starts itself again under one lock until its signal', async () => {
      await setJobs({ again: daemonized });
      await known('again');
      expect((await ask(bench, 'cron', 'run', 'drupald_again')).code).toBe(0);
      const rounds = async (): Promise<LogRow[]> => logs('again');
      await waitFor(async () => (await rounds()).length >= 4, { what: 'four rounds', seen: rounds });
      const locks = await bench.site.sql<{ handle: string }>(
        "SELECT handle FROM {background_process} WHERE handle = 'uc-drupald_again'",
      );
      expect(locks).toHaveLength(1);
      const runs = (): Promise<unknown[]> =>
        bench.site.sql("SELECT 1 FROM {background_process} WHERE handle = 'uc-drupald_again'");
      /** Whether it is gone for good: between two rounds there is no row for a moment, either. */
      const isOver = async (): Promise<boolean> => {
        if ((await runs()).length > 0) return false;
        await pause(500);
        return (await runs()).length === 0;
      };
      await waitFor(
        async () => {
          // A round that begins clears all signals of the job, also one that has just come.
          await bench.site.php(
            "_ultimate_cron_job_load('drupald_again')->sendSignal('end_daemonize', TRUE); return TRUE;",
          );
          return isOver();
        },
        { what: 'its end', seen: rounds },
      );
      await waitFor(async () => (await rounds()).every(({ end_time }) => end_time > 0), {
        what: 'its logs',
        seen: rounds,
      });
      expect(new Set((await rounds()).map(({ init_message }) => init_message)).size).toBe(2);
      const load = "ctools_include('export'); $job = _ultimate_cron_job_load('drupald_again', TRUE);";
      for (const [how, change, back] of [
        [
          'disabling it',
          "variable_set('default_ultimate_cron_job_drupald_again', TRUE);",
          "variable_del('default_ultimate_cron_job_drupald_again');",
        ],
        [
          'another launcher',
          `${load} $job->settings['launcher']['name'] = 'serial'; ctools_export_crud_save('ultimate_cron_job', $job);`,
          `${load} ctools_export_crud_delete('ultimate_cron_job', $job);`,
        ],
      ] as const) {
        const before = (await rounds()).length;
        expect((await ask(bench, 'cron', 'run', 'drupald_again')).code).toBe(0);
        await waitFor(async () => (await rounds()).length >= before + 2, { what: `rounds before ${how}` });
        await bench.site.php(`${change} return TRUE;`);
        await waitFor(isOver, { what: `its end by ${how}`, seen: rounds });
        await bench.site.php(`${back} return TRUE;`);
      }
      await waitFor(async () => (await rounds()).every(({ end_time }) => end_time > 0), {
        what: 'its last logs',
        seen: rounds,
      });
      await nothingLeft(bench.site, bench.daemon);
    });

    test('a job that takes too long is ended by its limit, with the reason in its log, and none runs beside it', async () => {
      const config = join(bench.suite.folder, `limit-${bench.daemon.port}.yml`);
      await writeFile(config, 'callbacks: { time: { "drupald_cron:drupald_long": 150 s } }\n');
      await bench.restart({ config });
      await bench.site.variable('drupald_fixture_job_long', 'slow 600');
      await setJobs({ long: job('serial', '* * * * *') });
      await known('long');
      await waitFor(async () => (await logs('long')).length === 1, { what: 'the job', limitMs: 90_000 });
      await minutes(2);
      expect(await logs('long')).toHaveLength(1);
      // The process that does the errands has read which jobs there are before.
      await bench.site.configure({});
      expect(await bench.site.php("return (bool) _ultimate_cron_job_load('drupald_long')->isLocked();")).toBe(true);
      const progress = await bench.site.sql<{ value: Buffer }>(
        "SELECT value FROM {variable} WHERE name = 'uc-progress:drupald_long'",
      );
      expect(progress[0]?.value.toString()).toMatch(/^d:0\.42/);
      await bench.site.variable('drupald_fixture_job_long', '');
      await waitFor(async () => (await logs('long'))[0]?.severity === 3, {
        what: 'its log',
        limitMs: 90_000,
        seen: () => logs('long'),
      });
      expect((await logs('long'))[0]?.message).toContain('was ended after 2 min 30 s');
      await waitFor(async () => (await logs('long')).length === 2, { what: 'the next minute', limitMs: 90_000 });
    });

    test.each([
      ['serial', 'serial', {}],
      ['serial with keepalive', 'serial', { poorman_keepalive: true }],
      ['Background Process', byRow, {}],
    ])('when drupald is stopped pages go on within a minute, by launcher %s', async (what, launcher, settings) => {
      const { site, suite } = bench;
      const config = join(suite.folder, `plain-${bench.daemon.port}.yml`);
      await writeFile(config, '');
      await site.setServiceHost(`http://127.0.0.1:${bench.daemon.port}`, 'site.test');
      await bench.restart({ config });
      await site.variable('ultimate_cron_plugin_launcher_serial_settings', { max_threads: 2, ...settings });
      await poorman(launcher);
      await site.variable('drupald_fixture_job_serial', '');
      await setJobs({ serial: job('serial', '* * * * *') });
      await known('serial');
      const visitor = visit(apache.address);
      await minutes(1);
      const before = (await logs('serial')).at(-1)?.start_time ?? 0;
      expect(await sapis()).not.toContain('apache2handler');
      // Nobody answers for drupald any more: what pages start goes to the web server.
      await site.setServiceHost(apache.address, 'site.test');
      await bench.daemon.stop();
      const stopped = Date.now() / 1000;
      await waitFor(
        async () => (await logs('serial')).some(({ start_time }) => start_time > Math.max(before, stopped)),
        {
          what: 'a page to run the job',
          limitMs: 130_000,
          seen: () => logs('serial'),
        },
      );
      await visitor.stop();
      const next = (await logs('serial')).find(({ start_time }) => start_time > stopped)?.start_time ?? NaN;
      told[`${what}: seconds from the stop to the next run`] = Number((next - stopped).toFixed(1));
      expect(next - stopped).toBeLessThan(62);
      expect(await sapis()).toContain('apache2handler');
      await site.sql("DELETE FROM {drupald_fixture_log} WHERE what = 'job'");
    });
  });
});
