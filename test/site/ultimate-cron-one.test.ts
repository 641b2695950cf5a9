import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from 'vitest';

import { hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { makeDue, visit } from '../harness/cron.js';
import { logsOfOne, settingsOfOne, useCronOne, type LogOfOne } from '../harness/cron-one.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, events, openGate } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { ultimateCronOne } from '../harness/paths.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { readRow } from '../harness/row.js';
import { signIn, type SignedIn } from '../harness/sign-in.js';
import { waitFor } from '../harness/wait.js';

const run = hasApache() && ultimateCronOne() !== undefined ? describe : describe.skip;

const seldom = '0 0 29 2 *';

run('Ultimate Cron 1.x', () => {
  describeSites('jobs of Ultimate Cron 1.x', ['real'], (kind) => {
    const bench = prepareBench(kind, { site: { settings: { extra: settingsOfOne } }, daemon: { slots: 4 } });
    const apache = prepareApache(bench);
    let admin: SignedIn;

    beforeAll(async () => {
      await useCronOne(bench.site, bench.daemon.port, apache.address);
      await bench.restart();
      admin = await signIn(apache.address);
    }, 120_000);

    const logs = (name: string) => logsOfOne(bench.site, name);
    const row = (name: string): ReturnType<typeof readRow> => readRow(bench.site, `uc:drupald_${name}`);
    const told = async (): Promise<Readonly<Record<string, unknown>>[]> =>
      (JSON.parse((await ask(bench, 'cron', '--json')).stdout) as { jobs: Readonly<Record<string, unknown>>[] }).jobs;
    const stateOf = async (name: string): Promise<unknown> =>
      (await told()).find((one) => one.name === `drupald_${name}`)?.state;
    const begun = async (name: string): Promise<number> => (await events(bench.site, name, 'job')).length;
    const lines = (event: string): typeof bench.daemon.lines =>
      bench.daemon.lines.filter((line) => line.event === event);
    const mood = (name: string, value: string): Promise<void> =>
      bench.site.variable(`drupald_fixture_job_${name}`, value);

    /** Waits until a job is over, and answers its log rows beyond so many. */
    async function over(name: string, before: number): Promise<LogOfOne[]> {
      await waitFor(async () => (await logs(name)).length > before && (await row(name)) === undefined, {
        what: `${name} to end`,
        seen: async () => ({ logs: await logs(name), row: await row(name), lines: bench.daemon.lines.slice(-5) }),
      });
      return (await logs(name)).slice(before);
    }

    test('a job that has never run runs at once, as the process of the module, which logs it', async () => {
      for (const name of ['each', 'other', 'daily']) {
        const [first] = await over(name, 0);
        expect(first).toMatchObject({ severity: -1, exec_status: 1, msg: '' });
        expect((await events(bench.site, name, 'job')).map(detail)[0]).toMatchObject({ sapi: 'cli', uid: 0 });
      }
      const ended = await waitFor(() => lines('run.ended').find(({ handle }) => handle === 'uc:drupald_each'), {
        what: 'the word of the daemon',
      });
      expect(ended).toMatchObject({
        callback: '_ultimate_cron_run_hook',
        outcome: 'completed',
      });
      expect([await begun('rest'), await begun('off'), await begun('bad')]).toEqual([0, 0, 0]);
      expect(await stateOf('off')).toBe('off');
      const bad = (await told()).find(({ name }) => name === 'drupald_bad');
      expect(bad?.rule).toContain('cannot be read in the field minute (0+@)');
      const { stdout } = await ask(bench, 'cron', 'next', '--count', '4');
      expect(stdout).toContain('drupald_each');
      expect(stdout).not.toContain('drupald_off');
    });

    // Three crashes would set any other process aside.
    test.each([
      ['fatal', 'fatal'],
      ['memory', 'out-of-memory'],
      ['signal', 'signalled'],
      ['exception', 'threw'],
      ['error', 'threw'],
      ['exit 3', 'exited'],
    ])('an end by %s has one log row, with the cause', async (end, outcome) => {
      const before = (await logs('rest')).length;
      const ends = () => lines('run.ended').filter(({ handle }) => handle === 'uc:drupald_rest');
      const ended = ends().length;
      await mood('rest', end);
      expect((await ask(bench, 'cron', 'run', 'drupald_rest')).stderr).toBe('');
      const rows = await over('rest', before);
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ severity: 3, exec_status: 0 });
      await waitFor(() => ends().length > ended, { what: 'the word of the daemon' });
      expect(ends().at(-1)?.outcome).toBe(outcome);
      expect(rows[0]?.msg).toContain(String(ends().at(-1)?.sentence).split('\n')[0]);
      await mood('rest', '');
    });

    test('the pages of the module run a job, show that it runs, and unlock it', async () => {
      await mood('rest', 'gate held');
      const gates = (): ReturnType<typeof events> => events(bench.site, undefined, 'gate');
      const [gated, before] = [(await gates()).length, (await logs('rest')).length];
      await admin.get('admin/ultimate-cron/service/start/drupald_rest');
      await waitFor(async () => (await gates()).length > gated, { what: 'the job to wait' });
      expect(await row('rest')).toMatchObject({ exec_status: 2 });
      const [, shown] =
        /<tr class="row-drupald_rest([\s\S]*?)<\/tr>/.exec(await admin.get('admin/config/system/cron')) ?? [];
      expect(shown).toContain('>Running<');
      expect(await admin.get('admin/ultimate-cron/service/start/drupald_rest')).toContain('already running');
      const pid = (await gates()).at(-1)?.pid;
      await admin.get('background-process/unlock/uc:drupald_rest');
      await waitFor(() => lines('run.ended').some((line) => line.pid === pid && line.outcome === 'cancelled'), {
        what: 'its process to end',
        seen: () => lines('run.ended').slice(-3),
      });
      const rows = await over('rest', before);
      expect(rows).toHaveLength(1);
      expect(rows[0]?.msg).toContain('Manually unlocked by admin');
      await mood('rest', '');
      await openGate(bench.site, 'held');
    });

    test('a job that is off runs when it is told to, and ends by exit(0) as well as any', async () => {
      await mood('off', 'exit 0');
      await ask(bench, 'cron', 'run', 'drupald_off');
      expect(await over('off', 0)).toMatchObject([{ severity: -1, exec_status: 1 }]);
      await mood('off', '');
    });

    test('a job for another service host is begun by the module', async () => {
      expect((await ask(bench, 'cron', 'run', 'drupald_away')).stderr).toBe('');
      await over('away', 0);
      expect((await events(bench.site, 'away', 'job')).map(detail)).toMatchObject([{ sapi: 'apache2handler' }]);
    });

    test('a job that somebody has decided on an old log is not run again', async () => {
      const stale = `$hooks = ultimate_cron_get_hooks(); $hook = $hooks['drupald_daily'];
        ultimate_cron_load_hook_data($hook); $hook['log']['start'] -= 90000;
        return (bool) ultimate_cron_run_hook('drupald_daily', $hook);`;
      const dropped = lines('run.dropped').length;
      expect(await bench.site.php(stale)).toBe(true);
      await waitFor(() => lines('run.dropped').length > dropped, { what: 'it to be dropped' });
      expect(lines('run.dropped').at(-1)).toMatchObject({
        handle: 'uc:drupald_daily',
        reason: 'The job has run meanwhile.',
      });
      expect([await begun('daily'), (await logs('daily')).length, await row('daily')]).toEqual([1, 1, undefined]);
    });

    test('pages start no cron, also not one that was late', async () => {
      const dropped = lines('run.dropped').length;
      expect(await bench.site.php('ultimate_cron_launch_poorman(); return TRUE;')).toBe(true);
      await waitFor(() => lines('run.dropped').length > dropped, { what: 'it to be dropped' });
      expect(lines('run.dropped').at(-1)?.handle).toBe('ultimate_cron_poorman');
      expect(await readRow(bench.site, 'ultimate_cron_poorman')).toBeUndefined();
    });

    test('queues are worked off without their jobs, which say so', async () => {
      await bench.site.php("drupald_fixture_enqueue('drupald_fixture_work', array(array('one', ''))); return TRUE;");
      await waitFor(async () => (await events(bench.site, 'one', 'worked')).length > 0, {
        what: 'the item',
        seen: () => bench.daemon.lines.slice(-5),
      });
      await ask(bench, 'cron', 'run', 'ultimate_cron_queue_drupald_fixture_work');
      const messages = (): Promise<{ msg: string }[]> =>
        bench.site.sql("SELECT msg FROM {ultimate_cron_log} WHERE name = 'ultimate_cron_queue_drupald_fixture_work'");
      await waitFor(async () => (await messages()).length > 0, { what: 'the log of its job' });
      expect((await messages()).at(-1)?.msg).toContain('are run as they come, by drupald');
    });

    test('the next daemon goes on with a job, which is logged when it dies, and sees what was set', async () => {
      await mood('off', 'again 3');
      await bench.site.sql("DELETE FROM {ultimate_cron_log} WHERE name = 'drupald_off'");
      await admin.get('admin/ultimate-cron/service/enable/drupald_off');
      await admin.get('admin/ultimate-cron/service/disable/drupald_other');
      await mood('rest', 'gate over');
      const gates = (): ReturnType<typeof events> => events(bench.site, undefined, 'gate');
      const [gated, before] = [(await gates()).length, (await logs('rest')).length];
      await ask(bench, 'cron', 'run', 'drupald_rest');
      await waitFor(async () => (await gates()).length > gated, { what: 'the job to wait' });
      const config = join(bench.suite.folder, `cron-one-${bench.daemon.port}.yml`);
      await writeFile(config, `schedule:\n  whole: { rule: '${seldom}', cron: true }\n`);
      await bench.daemon.kill9();
      await bench.restart({ config });
      await waitFor(async () => (await stateOf('rest')) === 'running', { what: 'it to be known', seen: told });
      process.kill((await gates()).at(-1)?.pid ?? NaN, 'SIGKILL');
      const rows = await over('rest', before);
      expect(rows).toHaveLength(1);
      expect(rows[0]?.msg).toContain('SIGKILL');
      await mood('rest', '');
      expect(await stateOf('other')).toBe('off');
    });

    test('a job whose time has come, and that begins itself anew, goes on', async () => {
      await waitFor(async () => (await logs('off')).length === 3, { what: 'three runs', seen: () => logs('off') });
      await waitFor(async () => (await row('off')) === undefined, { what: 'its end' });
    });

    test('an entry for cron as a whole runs each job that is enabled', async () => {
      const [rest, other] = [await begun('rest'), await begun('other')];
      expect((await ask(bench, 'cron', 'run', 'whole')).stderr).toBe('');
      await waitFor(async () => (await told()).find(({ name }) => name === 'whole')?.state === 'waiting', {
        what: 'all jobs to end',
        seen: told,
      });
      expect([await begun('rest'), await begun('other')]).toEqual([rest + 1, other]);
      await admin.get('admin/ultimate-cron/service/enable/drupald_other');
    });

    test('no page starts a job, and a crontab doubles none', async () => {
      const [before, others] = [(await logs('each')).length, (await logs('other')).length];
      const visitor = visit(apache.address);
      const key = await bench.site.php<string>("return variable_get('cron_key', 'drupal');");
      await waitFor(
        async () => {
          await (await fetch(`${apache.address}/cron.php?cron_key=${key}`, { headers: { host: 'site.test' } })).text();
          return visitor.count > 30;
        },
        { what: 'visitors and a crontab', limitMs: 90_000 },
      );
      await visitor.stop();
      const minutes = (rows: readonly LogOfOne[]) => rows.map(({ start_stamp }) => Math.floor(start_stamp / 60));
      for (const rows of [(await logs('each')).slice(before - 1), (await logs('other')).slice(others - 1)]) {
        expect(new Set(minutes(rows)).size).toBe(rows.length);
      }
      const sights = (await events(bench.site, undefined, 'job')).map(
        (one) => detail(one) as { name: string; sapi: string },
      );
      expect(sights.filter(({ name, sapi }) => name !== 'away' && sapi === 'apache2handler')).toEqual([]);
      await waitFor(() => lines('cron.foreign').length > 0, { what: 'a word about the crontab' });
      expect(lines('cron.foreign')).toHaveLength(1);
    }, 180_000);

    test('when it is stopped the pages go on', async () => {
      await bench.daemon.stop();
      await bench.site.setServiceHost(apache.address, 'site.test');
      // As if this minute's run were still to come.
      await bench.site.sql("DELETE FROM {ultimate_cron_log} WHERE name = 'drupald_each'");
      await makeDue(bench.site);
      const visitor = visit(apache.address);
      await waitFor(
        async () =>
          (await events(bench.site, 'each', 'job')).some(
            (one) => (detail(one) as { sapi: string }).sapi === 'apache2handler',
          ),
        { what: 'a page to start a job', limitMs: 100_000, seen: () => logs('each') },
      );
      await visitor.stop();
      // Else it goes on.
      await bench.site.variable('ultimate_cron_poorman', false);
    }, 120_000);
  });
});
