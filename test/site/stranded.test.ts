import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sumOf } from '../../src/scheduler/ownership.js';
import { prepareBench } from '../harness/bench.js';
import { cronSights, cronState, makeDue } from '../harness/cron.js';
import { Daemon } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineAlone } from '../harness/doctor.js';
import { event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { history } from '../harness/history.js';
import { descendants, isDead, nothingLeft } from '../harness/leftovers.js';
import { queueSite, work } from '../harness/queue-site.js';
import { readRow } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('processes of drupald itself that nobody has in hand', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });
  const { enqueue } = queueSite(bench);
  const cron = 'drupald_cron';
  const drain = `drupald_queue:1:${work}`;
  let config: string;
  let daemon: Daemon;
  const others: Daemon[] = [];

  /** One more daemon on the same site, with a state folder of its own. */
  async function another(): Promise<Daemon> {
    const sites = [{ root: bench.site.root, uris: bench.site.uris }];
    const other = await Daemon.start({ sites, folder: bench.suite.folder, config, slots: 4 });
    others.push(other);
    return other;
  }

  /** Cron of the only daemon waits behind a gate. */
  async function holdCron(gate: string): Promise<void> {
    await bench.site.sql('DELETE FROM {drupald_fixture_log}');
    await bench.site.variable('drupald_fixture_cron', `gate ${gate}`);
    await makeDue(bench.site);
    await event(bench.site, 'cron', 'cron');
    await bench.site.variable('drupald_fixture_cron', '');
  }

  /** As if its machine had died: nothing of it is left but its state folder. */
  async function perish(one: Daemon): Promise<void> {
    const pids = descendants(one.pid);
    await one.kill9();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended with the daemon.
      }
    }
    await waitFor(() => pids.every(isDead), { what: 'all its processes to end' });
  }

  /** As if a daemon had been silent for a minute. */
  async function silence({ pid }: Daemon): Promise<void> {
    await bench.site.sql('UPDATE {drupald_daemon} SET beat = beat - 90 WHERE pid = ?', [pid]);
  }

  const stranded = (one: Daemon, handle: string): Promise<unknown> =>
    one.logged((line) => line.event === 'run.stranded' && line['handle'] === handle, `run.stranded of ${handle}`);

  beforeAll(async () => {
    config = join(bench.suite.folder, `${newHandle('stranded')}.yml`);
    await writeFile(config, 'queues: { attempts: 3, pause: 200 ms, lease: 3 s, slots: { drupald_fixture_work: 2 } }\n');
    await bench.site.variable('cron_safe_threshold', 3600);
    daemon = await bench.restart({ config });
    await cronState(bench, 'waiting');
  }, 60_000);

  afterAll(async () => {
    for (const one of others) {
      if (one.exitCode === null && !isDead(one.pid)) {
        process.kill(one.pid, 'SIGCONT');
      }
      await one.stop();
      await one.forget();
    }
  }, 60_000);

  test('of two daemons the other one runs cron and works off the queue when one is lost with its machine', async () => {
    await holdCron('first');
    await enqueue(work, [['held', 'gate held']]);
    await event(bench.site, 'held', 'work');
    const other = await another();
    await perish(daemon);
    await openGate(bench.site, 'held');
    await makeDue(bench.site);
    // Until then it may come back.
    await other.logged((line) => line.event === 'cron.not-started', 'cron.not-started');
    await enqueue(work, [['beside', '']]);
    await event(bench.site, 'beside', 'worked');
    expect(await readRow(bench.site, drain)).toMatchObject({ exec_status: 2 });
    await silence(daemon);
    await stranded(other, cron);
    await stranded(other, drain);
    // Its lock is free, too, or the hooks would not be called.
    await waitFor(async () => (await cronSights(bench.site)).length === 2, { what: 'cron to run again' });
    await event(bench.site, 'held', 'worked');
    await nothingLeft(bench.site, other);
    expect(other.lines.filter((line) => line.event === 'cron.not-started')).toHaveLength(1);
    const { runs } = await waitFor(
      async () => {
        const told = await history({ daemon: other }, '--outcome', 'lost');
        return told.runs.length >= 2 && told;
      },
      { what: 'both in the history' },
    );
    expect(runs.map(({ handle }) => handle).sort()).toEqual([cron, drain]);
    for (const { handle, sentence } of runs) {
      expect(sentence).toContain('has given no sign of life for');
      // Told once for it; the runs that came after have none to tell.
      const messages = (await shutdowns(bench.site, handle)).map(({ message }) => message);
      expect(messages.filter((message) => message !== null)).toEqual([sentence]);
    }
    daemon = other;
  }, 120_000);

  test('a daemon with a new state folder settles what the last one has left, and doctor names it before', async () => {
    await holdCron('second');
    await perish(daemon);
    await silence(daemon);
    expect((await examineAlone(bench.site, { folder: bench.suite.folder })).bad).toContain('process-stranded');
    daemon = await another();
    await stranded(daemon, cron);
    await makeDue(bench.site);
    await waitFor(async () => (await cronSights(bench.site)).length === 2, { what: 'cron to run again' });
    await nothingLeft(bench.site, daemon);
  }, 120_000);

  test('a row that the database brings back is settled, and one that somebody else has made is left', async () => {
    await holdCron('third');
    const row = await readRow(bench.site, cron);
    const [entry] = await bench.site.sql('SELECT * FROM {drupald_own} WHERE token_sum = ?', [sumOf(row?.token ?? '')]);
    await openGate(bench.site, 'third');
    await nothingLeft(bench.site, daemon);
    // An entry goes some time behind its row.
    await waitFor(
      async () => (await bench.site.sql('SELECT 1 FROM {drupald_own} WHERE handle = ?', [cron])).length === 0,
      { what: 'nobody to have cron in hand' },
    );
    const foreign = { ...row, handle: 'drupald_schedule:theirs', token: 'another' };
    for (const one of [row, foreign]) {
      await bench.site.sql('INSERT INTO {background_process} SET ?', [one]);
    }
    await bench.site.sql('INSERT INTO {drupald_own} SET ?', [entry]);
    await makeDue(bench.site);
    await waitFor(async () => (await cronSights(bench.site)).length === 2, {
      what: 'cron to run again',
      seen: () => daemon.lines.slice(-20),
    });
    const told = daemon.lines.filter((line) => line.event === 'run.stranded');
    expect(told).toHaveLength(2);
    expect(told[1]).toMatchObject({ handle: cron, reason: expect.stringContaining('this drupald') as unknown });
    expect(await readRow(bench.site, foreign.handle)).toMatchObject({ token: 'another' });
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [foreign.handle]);
    await nothingLeft(bench.site, daemon);
  }, 120_000);

  test('a daemon that was only frozen ends its run when it comes back, and disturbs none of another', async () => {
    await holdCron('fourth');
    const [before] = await events(bench.site, 'cron', 'cron');
    const frozen = daemon;
    const other = await another();
    process.kill(frozen.pid, 'SIGSTOP');
    await silence(frozen);
    await stranded(other, cron);
    await bench.site.variable('drupald_fixture_cron', 'gate fifth');
    await makeDue(bench.site);
    await waitFor(async () => (await events(bench.site, 'cron', 'cron')).length === 2, { what: 'cron to run again' });
    const row = await readRow(bench.site, cron);
    process.kill(frozen.pid, 'SIGCONT');
    const ended = (one: Daemon, outcome: string): Promise<unknown> =>
      one.logged(
        (line) => line.event === 'run.ended' && line['handle'] === cron && line['outcome'] === outcome,
        `the run to be ${outcome}`,
      );
    await ended(frozen, 'cancelled');
    expect(isDead(before?.pid ?? 0)).toBe(true);
    expect(await readRow(bench.site, cron)).toEqual(row);
    await openGate(bench.site, 'fifth');
    await ended(other, 'completed');
    await nothingLeft(bench.site, other);
  }, 120_000);
});
