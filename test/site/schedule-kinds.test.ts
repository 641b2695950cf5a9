import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, expect, test } from 'vitest';

import { prepareBench, type Bench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { ask, history } from '../harness/history.js';
import { enableModules } from '../harness/real-site.js';
import { waitFor } from '../harness/wait.js';

const seldom = '0 0 29 2 *';

/** A configuration with these entries. */
async function configure(bench: Bench, entries: string): Promise<string> {
  const file = join(bench.suite.folder, `kinds-${bench.daemon.port}.yml`);
  await writeFile(file, `schedule:\n${entries}`);
  return file;
}

async function job(bench: Bench, name: string): Promise<Readonly<Record<string, unknown>>> {
  const { jobs } = JSON.parse((await ask(bench, 'cron', '--json')).stdout) as {
    jobs: Readonly<Record<string, unknown>>[];
  };
  return jobs.find((one) => one.name === name) ?? {};
}

describeSites('an entry that runs cron of a site with Ultimate Cron', ['real'], (kind) => {
  // Without it PHP 8.2 ends each page of Ultimate Cron beside Background Batch while caches are cold.
  const extra = 'error_reporting(E_ALL & ~E_DEPRECATED);';
  const bench = prepareBench(kind, { site: { settings: { extra } }, daemon: { slots: 4 } });

  beforeAll(async () => {
    const { site } = bench;
    await enableModules(site, ['ultimate_cron']);
    const held = { launcher: 'serial', rules: seldom, catch_up: 60 };
    await site.variable('drupald_fixture_jobs', { one: held, two: held });
    await site.variable('drupald_fixture_job_one', 'gate one');
    await site.php('drupal_flush_all_caches(); return TRUE;');
    const entries = `  whole: { rule: '${seldom}', cron: true, overlap: replace }\n`;
    await bench.restart({ config: await configure(bench, entries) });
  }, 120_000);

  test('runs each job that is enabled, once; replaced, it begins anew', async () => {
    const jobs = async (): Promise<number> => (await events(bench.site, undefined, 'job')).length;
    const gates = async (): Promise<number> => (await events(bench.site, undefined, 'gate')).length;
    await waitFor(async () => (await job(bench, 'drupald_one')).state === 'waiting', { what: 'the jobs to be known' });
    expect((await ask(bench, 'cron', 'run', 'whole')).stderr).toBe('');
    await waitFor(async () => (await gates()) === 1, { what: 'one job to wait' });
    expect(await job(bench, 'whole')).toMatchObject({ state: 'running' });
    expect((await ask(bench, 'cron', 'run', 'whole')).stderr).toBe('');
    await waitFor(async () => (await gates()) === 2, { what: 'the job to begin anew' });
    await openGate(bench.site, 'one');
    await waitFor(async () => (await job(bench, 'whole')).state === 'waiting', { what: 'all jobs to end' });
    expect(await jobs()).toBeGreaterThanOrEqual(3);
    const ends = (await history(bench, '--limit', '100')).runs
      .filter(({ handle }) => handle === 'drupald_cron:drupald_one')
      .map(({ outcome }) => outcome);
    expect(ends).toEqual(['completed', 'cancelled']);
  });
});

describeSites('entries where the database user may not make tables', ['real'], (kind) => {
  const bench = prepareBench(kind);

  test('run all the same, which is told once', async () => {
    await bench.daemon.stop();
    const { user, database } = bench.site.database;
    for (const host of ['127.0.0.1', 'localhost']) {
      const account = `'${user}'@'${host}'`;
      await bench.site.server.administer(
        `REVOKE ALL ON \`${database}\`.* FROM ${account}; GRANT SELECT, INSERT, UPDATE, DELETE ON \`${database}\`.* TO ${account}`,
      );
    }
    const entries = ['mark', 'other'].map(
      (name) => `  ${name}: { rule: '${seldom}', callback: drupald_fixture_mark, arguments: [${name}] }\n`,
    );
    await bench.restart({ config: await configure(bench, entries.join('')) });
    await bench.daemon.logged((line) => line.event === 'cron.in-memory', 'cron.in-memory');
    expect((await ask(bench, 'cron', 'run', 'mark')).stderr).toBe('');
    expect((await event(bench.site, 'drupald_schedule:mark', 'mark')).detail).toBe('mark');
    expect(bench.daemon.lines.filter((line) => line.event === 'cron.in-memory')).toHaveLength(1);
  });
});
