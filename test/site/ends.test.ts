import { describe, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, events, type ShutdownEvent } from '../harness/fixture-log.js';
import { leftovers, nothingLeft } from '../harness/leftovers.js';
import { type FinishedRun, newHandle, runToEnd } from '../harness/run.js';

/** A callback with the cause that its end must be told with; no sentence means a good end. */
interface End {
  readonly callback: string;
  readonly args?: readonly unknown[];
  readonly outcome: string;
  readonly sentence?: RegExp;
}

const GOOD: readonly End[] = [
  { callback: 'drupald_fixture_noop', outcome: 'completed' },
  { callback: 'drupald_fixture_returns', args: [false], outcome: 'completed' },
  { callback: 'drupald_fixture_exits', args: [0], outcome: 'completed' },
  { callback: 'drupald_fixture_exits_with_text', outcome: 'completed' },
  { callback: 'drupald_fixture_goes_to', outcome: 'completed' },
  { callback: 'drupald_fixture_drupal_exit', outcome: 'completed' },
  { callback: 'drupald_fixture_slow_shutdown', args: [0.2], outcome: 'completed' },
  { callback: 'drupald_fixture_locks', args: ['kept-to-the-end'], outcome: 'completed' },
];

const BAD: readonly End[] = [
  {
    callback: 'drupald_fixture_throws',
    args: ['A reason of its own'],
    outcome: 'threw',
    sentence: /RuntimeException: A reason of its own \(.*ends\.inc:\d+\)/,
  },
  {
    callback: 'drupald_fixture_throws_error',
    outcome: 'threw',
    sentence: /Error: .*undefined function drupald_fixture_this_function_does_not_exist/,
  },
  {
    callback: 'drupald_fixture_fatal',
    outcome: 'fatal',
    sentence: /fatal.*DrupaldFixtureIncomplete contains \d+ abstract methods/i,
  },
  {
    callback: 'drupald_fixture_redeclares',
    outcome: 'fatal',
    sentence: /fatal.*DrupaldFixtureTwice/i,
  },
  {
    callback: 'drupald_fixture_out_of_memory',
    outcome: 'out-of-memory',
    sentence: /out of memory.*64/,
  },
  {
    callback: 'drupald_fixture_out_of_memory_slowly',
    outcome: 'out-of-memory',
    sentence: /out of memory.*64/,
  },
  { callback: 'drupald_fixture_exits', args: [3], outcome: 'exited', sentence: /exit code 3/ },
  { callback: 'drupald_fixture_exits', args: [255], outcome: 'exited', sentence: /exit code 255/ },
  { callback: 'drupald_fixture_signal', args: [9], outcome: 'signalled', sentence: /SIGKILL/ },
  { callback: 'drupald_fixture_signal', args: [15], outcome: 'signalled', sentence: /SIGTERM/ },
  { callback: 'drupald_fixture_signal', args: [11], outcome: 'signalled', sentence: /SIGSEGV/ },
  {
    callback: 'drupald_fixture_there_is_no_such_callback',
    outcome: 'not-callable',
    sentence: /drupald_fixture_there_is_no_such_callback/,
  },
  {
    callback: 'DrupaldFixtureNoClass::method',
    outcome: 'not-callable',
    sentence: /DrupaldFixtureNoClass::method/,
  },
  {
    callback: 'drupald_fixture_loses_database',
    outcome: 'database-lost',
    sentence: /database connection/,
  },
  {
    callback: 'drupald_fixture_locks',
    args: ['held-when-killed', 'kill'],
    outcome: 'signalled',
    sentence: /SIGKILL/,
  },
  {
    callback: 'drupald_fixture_locks',
    args: ['held-at-exit', 'exit'],
    outcome: 'exited',
    sentence: /exit code 3/,
  },
  { callback: 'drupald_fixture_leaves_transaction', outcome: 'exited', sentence: /exit code 3/ },
];

function expectGood(run: FinishedRun): void {
  expect(run.ended).toMatchObject({ outcome: 'completed' });
  expect(run.shutdowns.map((call) => call.message)).toEqual([null]);
  expect(run.watchdog).toEqual([]);
}

function expectBad(run: FinishedRun, end: End): void {
  expect(run.ended).toMatchObject({ outcome: end.outcome });
  expect(run.shutdowns).toHaveLength(1);
  const message = run.shutdowns[0]?.message ?? '';
  expect(message).toMatch(end.sentence ?? /./);
  expect(run.ended['sentence']).toBe(message);
  expect(run.watchdog.join('\n')).toMatch(end.sentence ?? /./);
  if (run.progress !== undefined) {
    expect(run.progress.end_stamp).toBeGreaterThan(0);
    expect(run.progress.message).toMatch(end.sentence ?? /./);
  }
}

const title = (end: End): string => [end.callback, ...(end.args ?? [])].join(' ');

for (const isolation of ['process', 'shared', 'fresh', 'cold'] as const) {
  describeSites(
    `every end with its cause, isolation ${isolation}`,
    [],
    (kind) => {
      const bench = prepareBench(kind, { daemon: { slots: 3, isolation } });

      describe('good ends', () => {
        for (const end of GOOD) {
          test(title(end), async () => {
            expectGood(await runToEnd(bench, end.callback, end.args));
            await nothingLeft(bench.site);
          });
        }
      });

      describe('bad ends', () => {
        for (const end of BAD) {
          test(title(end), async () => {
            const run = await runToEnd(bench, end.callback, end.args);
            expectBad(run, end);
            await nothingLeft(bench.site);
          });
        }
      });

      test('a run that returned has its progress ended by the module', async () => {
        const run = await runToEnd(bench, 'drupald_fixture_progress', [4]);
        expect(run.progress).toMatchObject({
          progress: 1,
          message: "Background process 'drupald_fixture_progress' finished",
        });
      });

      test('a bad end leaves the fraction of the progress as it was', async () => {
        const run = await runToEnd(bench, 'drupald_fixture_dies_half_way');
        expect(run.progress?.progress).toBe(0.5);
        expect(run.progress?.message).toMatch(/SIGKILL/);
        expect(run.progress?.end_stamp).toBeGreaterThan(0);
      });

      test('a callback that unlocks itself and returns has its hook called once', async () => {
        const run = await runToEnd(bench, 'drupald_fixture_unlocks_itself');
        expect(run.shutdowns.map((call) => call.message)).toEqual(['Unlocked by itself']);
      });

      test('a callback that unlocks itself and dies has its hook called once', async () => {
        for (const then of ['kill', 'throw']) {
          const run = await runToEnd(bench, 'drupald_fixture_unlocks_itself', [then]);
          expect(
            run.shutdowns.map((call) => call.message),
            then,
          ).toEqual(['Unlocked by itself']);
          expect(run.ended['outcome']).toBe(then === 'kill' ? 'signalled' : 'threw');
        }
        await nothingLeft(bench.site);
      });

      test('a throw while PHP shuts down leaves nothing behind', async () => {
        const run = await runToEnd(bench, 'drupald_fixture_throws_in_shutdown');
        expect(run.shutdowns).toHaveLength(1);
        await nothingLeft(bench.site);
      });

      test('a shutdown hook that throws is called once and keeps nothing back', async () => {
        await bench.site.variable('drupald_fixture_shutdown_throws', true);
        for (const callback of ['drupald_fixture_noop', 'drupald_fixture_throws', 'drupald_fixture_signal']) {
          const run = await runToEnd(bench, callback, [], { handle: newHandle('shutdown-throws') });
          expect(run.shutdowns, callback).toHaveLength(1);
        }
        await bench.site.variable('drupald_fixture_shutdown_throws', false);
        await nothingLeft(bench.site);
      });

      test('the hook is told the process as it was, with its owner', async () => {
        const run = await runToEnd(bench, 'drupald_fixture_signal', [9], { uid: 2 });
        expect(run.shutdowns).toEqual([expect.objectContaining({ callback: 'drupald_fixture_signal', uid: 2 })]);
      });
    },
    { both: isolation === 'process' },
  );
}

describeSites('limits of the site', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('the site’s own time limit counts CPU seconds', async () => {
    await bench.site.variable('background_process_service_timeout', 1);
    const sleeps = await runToEnd(bench, 'drupald_fixture_sleeps', [1.5]);
    expectGood(sleeps);
    const burns = await runToEnd(bench, 'drupald_fixture_uses_cpu');
    expectBad(burns, { callback: '', outcome: 'timed-out', sentence: /1 CPU second/ });
    await bench.site.variable('background_process_service_timeout', 0);
    await nothingLeft(bench.site);
  });

  test('modules that end the request while Drupal boots are named as the cause', async () => {
    for (const [mood, cause] of [
      ['exit', /init|boot|request|exit/i],
      ['throw', /hook_init of the fixture/],
      ['redirect', /redirect|exit|request/i],
    ] as const) {
      const handle = newHandle(mood);
      await bench.site.variable('drupald_fixture_init', mood);
      await (await bench.site.caller()).startLocked(handle, 'drupald_fixture_mark');
      const line = await bench.daemon.logged(
        (found) =>
          ['run.ended', 'run.requeued', 'site.cannot-boot'].includes(found.event ?? '') &&
          (found['handle'] === handle || found.event === 'site.cannot-boot') &&
          cause.test(JSON.stringify(found)),
        `the cause of ${handle}`,
      );
      expect(JSON.stringify(line), mood).toMatch(cause);
      await bench.site.variable('drupald_fixture_init', '');
      await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
    }
    await bench.site.variable('drupald_fixture_init', 'print');
    expectGood(await runToEnd(bench, 'drupald_fixture_noop'));
    await bench.site.variable('drupald_fixture_init', '');
    expect((await leftovers(bench.site)).rows).toEqual([]);
  });

  test('an owner who does not exist is refused with a reason', async () => {
    const handle = newHandle('ownerless');
    await bench.caller.php(
      "$p = new BackgroundProcess($args); $p->uid = 4711; return $p->start('drupald_fixture_mark', array());",
      handle,
    );
    const line = await bench.daemon.logged(
      (found) => found['handle'] === handle && /4711|owner|user/i.test(JSON.stringify(found)),
      'the refusal',
    );
    expect(line).toBeDefined();
    await nothingLeft(bench.site);
    const calls = (await events(bench.site, handle, 'shutdown')).map((found) => detail(found) as ShutdownEvent);
    expect(calls.map((call) => call.message).join()).toMatch(/4711/);
  });
});
