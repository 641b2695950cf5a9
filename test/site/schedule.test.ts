import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { cronSights, makeDue, numberVariable } from '../harness/cron.js';
import { Daemon, drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { ask, history } from '../harness/history.js';
import { nothingLeft } from '../harness/leftovers.js';
import { waitFor } from '../harness/wait.js';

/** A time that does not come in a test. */
const seldom = "'0 0 29 2 *'";

const gated = (overlap: string): string =>
  `{ rule: ${seldom}, callback: drupald_fixture_gate, arguments: [${overlap}], overlap: ${overlap} }`;

/** Entries that run when they are told to, and one that runs each minute. */
const good = `
  mark: { rule: ${seldom}, callback: drupald_fixture_mark, arguments: ['hello'] }
  map: { rule: ${seldom}, callback: drupald_fixture_returns, arguments: [{ key: [1, true, null, 0.5] }] }
  method: { rule: ${seldom}, callback: 'DrupaldFixtureCallbacks::statically', arguments: [x] }
  missing: { rule: ${seldom}, callback: drupald_fixture_not_there }
  work: { rule: ${seldom}, queue: drupald_fixture_skipped }
  no-queue: { rule: ${seldom}, queue: nothing }
  whole: { rule: ${seldom}, cron: true }
  limited: { rule: ${seldom}, callback: drupald_fixture_gate, arguments: [never], limit: 1 s }
  held-skip: ${gated('skip')}
  held-queue: ${gated('queue')}
  held-replace: ${gated('replace')}
  zoned: { rule: '30 3 * * *', zone: Europe/Tallinn, callback: drupald_fixture_noop }
  each: { rule: '* * * * *', callback: drupald_fixture_mark, arguments: [each], jitter: 1 s }
`;
const bad = `
  upside-down: { rule: '22-2 * * * *', callback: drupald_fixture_noop }
`;

describeSites('entries of the schedule', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 6 } });
  let second: Daemon | undefined;

  const file = (name: string): string => join(bench.suite.folder, `${name}-${bench.daemon.port}.yml`);

  beforeAll(async () => {
    await bench.site.variable('cron_safe_threshold', 0);
    await writeFile(file('good'), `schedule:${good}`);
    await writeFile(file('both'), `schedule:${good}${bad}`);
    await bench.restart({ config: file('both') });
  }, 60_000);

  afterAll(async () => {
    await second?.stop();
    await second?.forget();
  });

  const handleOf = (name: string): string => `drupald_schedule:${name}`;

  async function run(name: string): Promise<void> {
    const { code, stderr } = await ask(bench, 'cron', 'run', name);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }

  /** The refusal of a run, as its code. */
  async function refused(name: string): Promise<string | undefined> {
    return /\[DRUPALD_(\w+)\]/.exec((await ask(bench, 'cron', 'run', name)).stderr)?.[1];
  }

  async function job(name: string, daemon = bench.daemon): Promise<Readonly<Record<string, unknown>>> {
    const { stdout } = await ask({ daemon }, 'cron', '--json');
    const { jobs } = JSON.parse(stdout) as { jobs: Readonly<Record<string, unknown>>[] };
    return jobs.find((one) => one.name === name) ?? {};
  }

  /** Waits until an entry has so many past runs; their outcomes, newest first. */
  async function outcomes(handle: string, count: number): Promise<string[]> {
    const all = async (): Promise<string[]> =>
      (await history(bench, '--limit', '100')).runs
        .filter((one) => one.handle === handle)
        .map(({ outcome }) => outcome);
    return waitFor(async () => ((await all()).length >= count ? await all() : false), {
      what: `${count} runs of ${handle} in the history`,
      seen: async () => ({ runs: await all(), log: bench.daemon.lines.slice(-10) }),
    });
  }

  const gates = async (name: string): Promise<number> => (await events(bench.site, handleOf(name), 'gate')).length;

  test('a callback runs as a process of its own, with its arguments, as nobody', async () => {
    await run('mark');
    expect((await event(bench.site, handleOf('mark'), 'mark')).detail).toBe('hello');
    expect(await shutdowns(bench.site, handleOf('mark'))).toMatchObject([{ message: null, uid: 0 }]);
    expect(await outcomes(handleOf('mark'), 1)).toEqual(['completed']);
    const { runs } = await history(bench, '--callback', 'drupald_fixture_mark');
    // Among those of the entry of every minute.
    expect(runs.filter(({ handle }) => handle === handleOf('mark'))).toMatchObject([
      { handle: handleOf('mark'), callback: 'drupald_fixture_mark', uid: 0 },
    ]);
    expect(await job('mark')).toMatchObject({ state: 'waiting', outcome: 'completed', lateMs: null });
    await run('method');
    await event(bench.site, handleOf('method'), 'static_method');
    await run('map');
    expect(await outcomes(handleOf('map'), 1)).toEqual(['completed']);
    await run('missing');
    expect(await outcomes(handleOf('missing'), 1)).toEqual(['not-callable']);
  });

  test('a queue that is left alone otherwise is worked off until it is empty', async () => {
    const items = Array.from({ length: 520 }, (_, index) => [`item-${index}`, '']);
    await bench.site.php('drupald_fixture_enqueue($args[0], $args[1]); return TRUE;', [
      'drupald_fixture_skipped',
      items,
    ]);
    await run('work');
    await waitFor(
      async () =>
        (await bench.site.sql("SELECT 1 FROM {queue} WHERE name = 'drupald_fixture_skipped' LIMIT 1")).length === 0,
      { what: 'the queue to be empty' },
    );
    const done = (await events(bench.site, undefined, 'worked')).filter(({ handle }) => handle.startsWith('item-'));
    expect(done).toHaveLength(520);
    // One process takes 500 at most.
    expect(await outcomes(handleOf('work'), 2)).toEqual(['completed', 'completed']);
    await waitFor(async () => (await job('work')).state === 'waiting', { what: 'the entry to rest' });
    expect(await refused('no-queue')).toBe('CRON_JOB_NOT_STARTED');
  });

  test('cron runs as a whole, and by its time that comes from drupald.yml alone', async () => {
    await waitFor(async () => (await job('cron')).state === 'off', { what: 'cron to be looked at' });
    await run('whole');
    expect(await outcomes('drupald_cron', 1)).toEqual(['completed']);
    expect(await cronSights(bench.site)).toHaveLength(1);
    await waitFor(async () => (await job('whole')).outcome === 'completed', { what: 'the outcome of the entry' });
  });

  test('a run that takes longer than the entry allows is ended', async () => {
    await run('limited');
    expect(await outcomes(handleOf('limited'), 1)).toEqual(['timed-out']);
  });

  test('overlap: skip leaves out what is due meanwhile', async () => {
    await run('held-skip');
    await waitFor(async () => (await gates('held-skip')) === 1, { what: 'the run to wait' });
    expect(await job('held-skip')).toMatchObject({ state: 'running' });
    expect(await refused('held-skip')).toBe('CRON_JOB_NOT_STARTED');
    await openGate(bench.site, 'skip');
    expect(await outcomes(handleOf('held-skip'), 1)).toEqual(['completed']);
  });

  test('overlap: queue lets one wait', async () => {
    await run('held-queue');
    await waitFor(async () => (await gates('held-queue')) === 1, { what: 'the first run to wait' });
    await run('held-queue');
    expect(await refused('held-queue')).toBe('CRON_JOB_NOT_STARTED');
    expect(await gates('held-queue')).toBe(1);
    await openGate(bench.site, 'queue');
    expect(await outcomes(handleOf('held-queue'), 2)).toEqual(['completed', 'completed']);
  });

  test('overlap: replace ends the one before, with that reason', async () => {
    await run('held-replace');
    await waitFor(async () => (await gates('held-replace')) === 1, { what: 'the first run to wait' });
    await run('held-replace');
    await waitFor(async () => (await gates('held-replace')) === 2, { what: 'the second run to wait' });
    await openGate(bench.site, 'replace');
    expect(await outcomes(handleOf('held-replace'), 2)).toEqual(['completed', 'cancelled']);
    const told = (await events(bench.site, handleOf('held-replace'), 'shutdown')).map(
      (one) => (detail(one) as { message: string | null }).message,
    );
    expect(told[0]).toContain('by its schedule (held-replace): its next run is due');
  });

  test('a bad rule stops nothing else, is shown, and is refused by "config check"', async () => {
    expect(await job('upside-down')).toMatchObject({ state: 'unusable', rule: expect.stringContaining('upside down') });
    await bench.daemon.logged((line) => line.event === 'cron.unusable', 'cron.unusable');
    const sites = ['--root', bench.site.root, '--uri', bench.site.uris[0] ?? ''];
    const check = (name: string) => drupald(['config', 'check', '--config', file(name), ...sites]);
    expect(await check('good')).toMatchObject({ code: 0 });
    expect(await check('both')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('[DRUPALD_CONFIG_SCHEDULE_RULE]'),
    });
  });

  test('"cron next" tells the right instants, in the zones of the jobs', async () => {
    // In Tallinn 03:00 becomes 04:00 at this moment.
    const args = ['--at', '2030-03-31T00:59:30Z', '--count', '3', '--json'];
    const { stdout, stderr } = await ask(bench, 'cron', 'next', ...args);
    expect(stderr).toBe('');
    const { runs } = JSON.parse(stdout) as { runs: { name: string; at: string; zone: string }[] };
    expect(runs[0]).toMatchObject({ name: 'zoned', at: '2030-03-31T04:00:00+03:00', zone: 'Europe/Tallinn' });
    expect(runs.map(({ name }) => name)).toEqual(['zoned', 'each', 'each']);
    expect((await ask(bench, 'cron', 'next', '--at', 'soon')).stderr).toContain('[DRUPALD_OPTION_INVALID]');
    expect((await ask(bench, 'cron', 'next', '--count', '1')).stdout).toContain('each');
  });

  test('two daemons on one database fire an entry once', async () => {
    const slots = (): Promise<{ due: number }[]> =>
      bench.site.sql("SELECT due FROM {drupald_cron_slot} WHERE entry = 'each' AND fired IS NOT NULL ORDER BY due");
    await bench.daemon.stop();
    // As if nobody had been there for two minutes: both find it due as soon as they begin.
    await bench.site.sql(
      "UPDATE {drupald_cron_slot} SET due = due - 120, fired = fired - 120 WHERE entry = 'each' ORDER BY due",
    );
    await bench.site.sql('DELETE FROM {drupald_fixture_log}');
    const before = (await slots()).length;
    const now = Date.now() / 1000;
    const [, other] = await Promise.all([
      bench.restart({ config: file('good') }),
      Daemon.start({
        sites: [{ root: bench.site.root, uris: bench.site.uris }],
        folder: bench.suite.folder,
        config: file('good'),
        slots: 4,
      }),
    ]);
    second = other;
    const two = [bench.daemon, second];
    await waitFor(
      async () => {
        const lasts = await Promise.all(two.map(async (daemon) => (await job('each', daemon)).last));
        return (await slots()).length > before && lasts.every((last) => typeof last === 'number' && last > now);
      },
      { what: 'both to have seen a minute', limitMs: 90_000, seen: slots },
    );
    await second.stop();
    const marks = async (): Promise<number> => (await events(bench.site, handleOf('each'), 'mark')).length;
    const fired = (await slots()).length - before;
    await waitFor(async () => (await marks()) >= fired, { what: 'the runs to begin' });
    await nothingLeft(bench.site, bench.daemon);
    // Another minute may have come meanwhile.
    expect(await marks()).toBeLessThanOrEqual((await slots()).length - before);
    expect(await outcomes(handleOf('each'), fired)).not.toContain('cancelled');
  }, 120_000);

  test('a cadence in drupald.yml: cron runs by it, and pages are held off in between', async () => {
    await bench.daemon.stop();
    await bench.site.sql('DELETE FROM {drupald_fixture_log}');
    await bench.site.variable('cron_safe_threshold', 2);
    await makeDue(bench.site);
    await writeFile(
      file('cadence'),
      `sites: [{ root: '${bench.site.root}', uris: ['${bench.site.uris.join("', '")}'], cron: 1 h }]\n`,
    );
    await bench.restart({ config: file('cadence'), sites: [] });
    await waitFor(async () => (await cronSights(bench.site)).length === 1, { what: 'cron to run' });
    const recently = Date.now() / 1000 - 600;
    const ran = await waitFor(
      async () => {
        const { state, last } = await job('cron');
        return state === 'waiting' && typeof last === 'number' && last > recently ? last : false;
      },
      { what: 'the run to end', seen: () => job('cron') },
    );
    expect(await job('cron')).toMatchObject({ rule: 'every 1 h', next: ran + 3600 });
    await waitFor(async () => (await numberVariable(bench.site, 'cron_last')) > ran + 4, {
      what: 'cron_last to be kept young',
    });
    expect(await job('cron')).toMatchObject({ last: ran, next: ran + 3600 });
    // The next daemon knows when it really ran, also where this one could not put it right.
    await bench.daemon.kill9();
    await bench.restart({ config: file('cadence'), sites: [] });
    await waitFor(async () => (await job('cron')).state === 'waiting', { what: 'cron to be looked at' });
    expect(await job('cron')).toMatchObject({ last: ran, next: ran + 3600 });
    expect(await cronSights(bench.site)).toHaveLength(1);
    await bench.daemon.stop();
    expect(await numberVariable(bench.site, 'cron_last')).toBe(ran);
  });
});
