import { beforeAll, describe, expect, test } from 'vitest';

import { hasApache } from '../harness/apache.js';
import { prepareBench } from '../harness/bench.js';
import { makeDue, visit } from '../harness/cron.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { enableModules } from '../harness/real-site.js';
import { signIn } from '../harness/sign-in.js';
import { waitFor } from '../harness/wait.js';

const run = hasApache() ? describe : describe.skip;

const job = (launcher: string, rules: string) => ({ launcher, rules });
const byRow = 'background_process_legacy';
const seldom = '0 0 29 2 *';

/** Jobs that run at set times, and those that only run when they are told to. */
const goodJobs = {
  each_serial: job('serial', '* * * * *'),
  each_row: job(byRow, '* * * * *'),
  serial: job('serial', seldom),
  row: job(byRow, seldom),
};
/** Jobs of each launcher that are run at the same time. */
const crowd = Array.from({ length: 8 }, (_, index) => `crowd_${index}`);
const allJobs = {
  ...Object.fromEntries(crowd.map((name, index) => [name, job(index % 2 ? byRow : 'serial', seldom)])),
  ...goodJobs,
  bad: job('serial', '5-3 * * * *'),
};

interface LogRow {
  readonly name: string;
  readonly start_time: number;
  readonly end_time: number;
  readonly severity: number;
  readonly message: string;
}

run('Ultimate Cron', () => {
  describeSites('jobs of Ultimate Cron', ['real'], (kind) => {
    // Without it PHP 8.2 ends each page of Ultimate Cron beside Background Batch while caches are cold.
    const extra = 'error_reporting(E_ALL & ~E_DEPRECATED);';
    const bench = prepareBench(kind, { site: { settings: { extra } }, daemon: { slots: 12 } });
    const apache = prepareApache(bench);

    beforeAll(async () => {
      const { site } = bench;
      await enableModules(site, ['ultimate_cron']);
      await site.variable('drupald_fixture_jobs', allJobs);
      await site.variable('ultimate_cron_plugin_settings_poorman_settings', {
        launcher: 'serial',
        early_page_flush: true,
        user_agent: 'x',
      });
      await site.php('drupal_flush_all_caches(); return TRUE;');
      await bench.restart();
    }, 120_000);

    const logs = (name: string): Promise<LogRow[]> =>
      bench.site.sql<LogRow>(
        'SELECT name, start_time, end_time, severity, message FROM {ultimate_cron_log} WHERE name = ? AND log_type = 0 ORDER BY start_time',
        [`drupald_${name}`],
      );
    const locked = (name: string): Promise<boolean> =>
      bench.site.php<boolean>(`return (bool) _ultimate_cron_job_load('drupald_${name}')->isLocked();`);
    const jobs = async (): Promise<Readonly<Record<string, unknown>>[]> =>
      (JSON.parse((await ask(bench, 'cron', '--json')).stdout) as { jobs: Readonly<Record<string, unknown>>[] }).jobs;

    /** Lets a job run once now, in a mood; its log rows that are new. */
    async function once(name: string, mood: string): Promise<LogRow[]> {
      await waitFor(async () => (await jobs()).find((one) => one.name === `drupald_${name}`)?.state === 'waiting', {
        what: `${name} to rest`,
        seen: jobs,
      });
      await bench.site.variable(`drupald_fixture_job_${name}`, mood);
      const before = (await logs(name)).length;
      const started = await ask(bench, 'cron', 'run', `drupald_${name}`);
      expect(started.stderr).toBe('');
      await waitFor(
        async () => {
          const rows = (await logs(name)).slice(before);
          return rows.length > 0 && rows.every(({ end_time }) => end_time > 0) && !(await locked(name));
        },
        { what: `${name} to end`, seen: () => logs(name) },
      );
      await bench.site.variable(`drupald_fixture_job_${name}`, '');
      return (await logs(name)).slice(before);
    }

    test('a job that has never run runs at once, by either launcher, and is logged', async () => {
      for (const name of ['each_serial', 'each_row']) {
        await waitFor(async () => (await logs(name)).some(({ end_time }) => end_time > 0), {
          what: `a first run of ${name}`,
          seen: () => bench.daemon.lines.slice(-15),
        });
        const [first] = (await events(bench.site, name, 'job')).map(detail);
        expect(first).toMatchObject({ sapi: 'cli', uid: 0 });
      }
      expect(await events(bench.site, 'serial', 'job')).toEqual([]);
      const bad = (await jobs()).find(({ name }) => name === 'drupald_bad');
      expect(bad?.rule).toContain('the range 5-3 is upside down in the field minute');
    });

    test.each([
      ['serial', 'exception'],
      ['serial', 'error'],
      ['serial', 'fatal'],
      ['serial', 'exit 0'],
      ['serial', 'exit 3'],
      ['serial', 'signal'],
      ['serial', 'memory'],
      ['row', 'exception'],
      ['row', 'error'],
      ['row', 'fatal'],
      ['row', 'exit 0'],
      ['row', 'exit 3'],
      ['row', 'signal'],
      ['row', 'memory'],
    ])('by launcher %s an end by %s has one log row, which is closed and says so', async (name, mood) => {
      const rows = await once(name, mood);
      expect(rows).toHaveLength(1);
      await waitFor(async () => [0, 1, 2, 3].includes((await logs(name)).at(-1)?.severity ?? -1), {
        what: 'its severity',
        seen: () => logs(name),
      });
      expect((await logs(name)).at(-1)?.message).not.toBe('');
    });

    test.each(['serial', 'row'])('a job of launcher %s shows that it runs, and Unlock ends it', async (name) => {
      await waitFor(async () => (await jobs()).find((one) => one.name === `drupald_${name}`)?.state === 'waiting', {
        what: `${name} to rest`,
      });
      await bench.site.variable(`drupald_fixture_job_${name}`, `gate held-${name}`);
      const gates = async (): Promise<number> => (await events(bench.site, undefined, 'gate')).length;
      const before = await gates();
      expect((await ask(bench, 'cron', 'run', `drupald_${name}`)).stderr).toBe('');
      await waitFor(async () => (await gates()) > before, {
        what: 'the job to wait',
        seen: () => bench.daemon.lines.slice(-12),
      });
      expect(await locked(name)).toBe(true);
      const ends = (): number => bench.daemon.lines.filter((line) => line.event === 'run.ended').length;
      const ended = ends();
      await bench.site.php(
        `$job = _ultimate_cron_job_load('drupald_${name}'); $job->unlock($job->isLocked(), TRUE); return TRUE;`,
      );
      await waitFor(() => ends() > ended, { what: 'its process to end' });
      await bench.site.variable(`drupald_fixture_job_${name}`, '');
      await openGate(bench.site, `held-${name}`);
    });

    test.each(['serial', 'row'])('a job of launcher %s that looks for the signal "kill" gets it', async (name) => {
      await waitFor(async () => (await jobs()).find((one) => one.name === `drupald_${name}`)?.state === 'waiting', {
        what: `${name} to rest`,
      });
      await bench.site.variable(`drupald_fixture_job_${name}`, 'signalled');
      const over = async (): Promise<number> => (await events(bench.site, name, 'job-over')).length;
      const [ended, before] = [await over(), (await logs(name)).length];
      expect((await ask(bench, 'cron', 'run', `drupald_${name}`)).stderr).toBe('');
      await waitFor(async () => (await events(bench.site, name, 'polls')).length > 0, {
        what: 'the job to look for it',
      });
      await bench.site.variable(`drupald_fixture_job_${name}`, '');
      await bench.site.php(`_ultimate_cron_job_load('drupald_${name}')->sendSignal('kill', TRUE); return TRUE;`);
      await waitFor(async () => (await over()) === ended + 1, { what: 'the job to go to its end' });
      await waitFor(async () => (await logs(name)).at(before)?.end_time !== 0 && !(await locked(name)), {
        what: 'its log to be closed',
      });
      expect((await logs(name)).slice(before)).toMatchObject([{ severity: -1 }]);
    });

    test('jobs that run at once share no lock, no handle and no random number', async () => {
      const { site } = bench;
      for (const name of crowd) {
        await site.variable(`drupald_fixture_job_${name}`, 'crowd everybody');
        expect((await ask(bench, 'cron', 'run', `drupald_${name}`)).stderr).toBe('');
      }
      const told = async (what: string): Promise<Record<string, string>[]> =>
        Promise.all(crowd.map(async (name) => detail(await event(site, name, what)) as Record<string, string>));
      const had = await told('has');
      await openGate(site, 'everybody');
      for (const what of ['id', 'lock', 'handle', 'number']) {
        expect(new Set(had.map((one) => one[what])).size, what).toBe(crowd.length);
      }
      expect(await told('kept')).toEqual(had.map(({ id, lock }) => ({ id, lock })));
    });

    test('the pages of the module run a job, show that it runs, unlock it, and switch it off and on', async () => {
      // On the list of jobs PHP 8 stumbles over one bad rule.
      await bench.site.variable('drupald_fixture_jobs', goodJobs);
      const admin = await signIn(apache.address);
      // A job that runs meanwhile keeps the old list.
      const listed = async (): Promise<boolean> => {
        await bench.site.sql("DELETE FROM {cache} WHERE cid = 'ultimate_cron_hooks'");
        return admin.get('admin/config/system/cron').then(
          () => true,
          () => false,
        );
      };
      await waitFor(listed, { what: 'the list of jobs' });
      const link = async (operation: string): Promise<string | undefined> =>
        new RegExp(`href="/([^"]*list/drupald_row/${operation}[^"]*)"`)
          .exec(await admin.get('admin/config/system/cron'))?.[1]
          ?.replaceAll('&amp;', '&');
      const follow = async (operation: string): Promise<string> =>
        admin.get(await waitFor(() => link(operation), { what: `a way to ${operation}` }));
      const state = async (): Promise<unknown> => (await jobs()).find(({ name }) => name === 'drupald_row')?.state;
      const once = (text: string): Promise<unknown> => waitFor(async () => (await state()) === text, { what: text });
      await once('waiting');
      await bench.site.variable('drupald_fixture_job_row', 'gate paged');
      const sights = async (): Promise<{ sapi: string }[]> =>
        (await events(bench.site, 'row', 'job')).map((one) => detail(one) as { sapi: string });
      const before = (await sights()).length;
      await follow('run');
      await waitFor(async () => (await sights()).length === before + 1, { what: 'the job to begin' });
      expect((await sights()).at(-1)).toMatchObject({ sapi: 'cli' });
      await once('running');
      await follow('unlock');
      await bench.site.variable('drupald_fixture_job_row', '');
      await once('waiting');
      await waitFor(async () => (await logs('row')).at(-1)?.end_time !== 0, { what: 'its log to be closed' });
      await follow('disable');
      await waitFor(() => link('enable'), { what: 'it to be off' });
      await follow('enable');
      await waitFor(() => link('disable'), { what: 'it to be on' });
      await openGate(bench.site, 'paged');
    });

    test('a job that died runs again when it is asked to, and not before its lock is free', async () => {
      await bench.site.variable('drupald_fixture_job_serial', 'gate twice');
      const gates = (): ReturnType<typeof events> => events(bench.site, undefined, 'gate');
      const before = (await gates()).length;
      const begin = (): Promise<unknown> =>
        waitFor(async () => (await ask(bench, 'cron', 'run', 'drupald_serial')).stderr === '', { what: 'a run' });
      await begin();
      await waitFor(async () => (await gates()).length === before + 1, { what: 'the job to wait' });
      const ends = (): number => bench.daemon.lines.filter((line) => line.event === 'run.ended').length;
      const ended = ends();
      process.kill((await gates()).at(-1)?.pid ?? NaN, 'SIGKILL');
      await waitFor(() => ends() > ended, { what: 'its process to end' });
      await begin();
      await waitFor(async () => (await gates()).length === before + 2, { what: 'the job to wait again' });
      await bench.site.variable('drupald_fixture_job_serial', '');
      await openGate(bench.site, 'twice');
      await waitFor(async () => !(await locked('serial')), { what: 'the job to end' });
      expect((await logs('serial')).slice(-2).map(({ severity }) => severity)).toEqual([3, -1]);
    });

    test('the next daemon goes on with a job, and closes it when it dies', async () => {
      await bench.site.variable('drupald_fixture_job_serial', 'gate over');
      const gates = (): ReturnType<typeof events> => events(bench.site, undefined, 'gate');
      const before = (await gates()).length;
      await ask(bench, 'cron', 'run', 'drupald_serial');
      await waitFor(async () => (await gates()).length > before, { what: 'the job to wait' });
      await bench.daemon.kill9();
      await bench.restart();
      await waitFor(async () => (await jobs()).find((one) => one.name === 'drupald_serial')?.state === 'running', {
        what: 'the job to be known to run',
        seen: jobs,
      });
      expect(await locked('serial')).toBe(true);
      process.kill((await gates()).at(-1)?.pid ?? NaN, 'SIGKILL');
      await waitFor(async () => (await logs('serial')).at(-1)?.severity === 3 && !(await locked('serial')), {
        what: 'its log and its lock',
        seen: () => logs('serial'),
      });
      await bench.site.variable('drupald_fixture_job_serial', '');
    });

    test('no page starts a job, and no minute has two runs', async () => {
      const visitor = visit(apache.address);
      await waitFor(() => visitor.count > 30, { what: 'visitors', limitMs: 90_000 });
      await visitor.stop();
      for (const name of ['each_serial', 'each_row']) {
        const minutes = (await logs(name)).map(({ start_time }) => Math.floor(start_time / 60));
        expect(new Set(minutes).size).toBe(minutes.length);
      }
      const sights = (await events(bench.site, undefined, 'job')).map((one) => detail(one) as { sapi: string });
      expect(sights.map(({ sapi }) => sapi)).not.toContain('apache2handler');
    }, 180_000);

    test('when it is stopped the pages go on, also while it waits for a job that runs', async () => {
      await bench.site.variable('drupald_fixture_job_serial', 'gate drained');
      const gates = async (): Promise<number> => (await events(bench.site, undefined, 'gate')).length;
      const before = await gates();
      await ask(bench, 'cron', 'run', 'drupald_serial');
      await waitFor(async () => (await gates()) > before, { what: 'the job to wait' });
      const held = (): Promise<unknown[]> =>
        bench.site.sql("SELECT name FROM {ultimate_cron_lock} WHERE current = 0 AND name LIKE '%poorman%'");
      // Those of the daemon that was killed run out by themselves.
      await bench.site.sql("DELETE FROM {ultimate_cron_lock} WHERE name LIKE '%poorman%'");
      await waitFor(async () => (await held()).length === 2, { what: 'the pages to be held off', seen: held });
      bench.daemon.terminate();
      await waitFor(async () => (await held()).length === 0, { what: 'the pages to be let go', seen: held });
      expect(bench.daemon.exitCode).toBeNull();
      await bench.site.variable('drupald_fixture_job_serial', '');
      await openGate(bench.site, 'drained');
      await bench.daemon.exited();
      // A bad rule ends each tick of the module's own. Not while jobs run, which would keep the old list.
      await bench.site.variable('drupald_fixture_jobs', goodJobs);
      await bench.site.sql("DELETE FROM {cache} WHERE cid = 'ultimate_cron_hooks'");
      // As if this minute's run were still to come.
      await bench.site.sql("DELETE FROM {ultimate_cron_log} WHERE name = 'drupald_each_serial'");
      await makeDue(bench.site);
      const visitor = visit(apache.address);
      await waitFor(
        async () =>
          (await events(bench.site, undefined, 'job')).some(
            (one) => (detail(one) as { sapi: string }).sapi === 'apache2handler',
          ),
        {
          what: 'a page to start a job',
          limitMs: 100_000,
          seen: () => logs('each_serial'),
        },
      );
      await visitor.stop();
    }, 120_000);
  });
});
