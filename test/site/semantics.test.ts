import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { filesBelow } from '../harness/run-logs.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

interface Arrived {
  readonly count: number;
  readonly md5: string;
  readonly types: readonly string[];
  readonly bytes: number;
}

describeSites(
  'the module’s own semantics',
  [],
  (kind) => {
    const bench = prepareBench(kind, { daemon: { slots: 3 } });

    for (const [name, callback] of [
      ['keepalive', 'drupald_fixture_keepalive'],
      ['restart', 'drupald_fixture_restart'],
    ] as const) {
      test(`a chain by ${name} runs link after link under one handle`, async () => {
        const handle = newHandle(name);
        await bench.caller.startLocked(handle, callback, [4]);
        await waitFor(async () => (await events(bench.site, handle, 'shutdown')).length >= 4, {
          what: 'four links',
          seen: () => events(bench.site, handle),
        });
        await finished(bench, handle, 4);
        const links = await events(bench.site, handle, 'link');
        expect(links.map((link) => link.detail)).toEqual(['4', '3', '2', '1']);
        expect(new Set(links.map((link) => link.pid)).size).toBe(4);
        const calls = await events(bench.site, handle, 'shutdown');
        expect(calls.map((call) => (detail(call) as { message: unknown }).message)).toEqual([null, null, null, null]);
        expect(await events(bench.site, handle, 'after-restart')).toEqual([]);
        await nothingLeft(bench.site);
      });
    }

    test('a locked handle starts once at a time', async () => {
      const handle = newHandle('locked');
      expect(await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle])).toBe(handle);
      await event(bench.site, handle, 'gate');
      expect(await bench.caller.startLocked(handle, 'drupald_fixture_mark')).toBe(false);
      await openGate(bench.site, handle);
      await finished(bench, handle);
      expect(await bench.caller.startLocked(handle, 'drupald_fixture_mark')).toBe(handle);
      await finished(bench, handle, 2);
    });

    for (const [name, php] of [
      ['values of every type', 'array(1, 2.5, TRUE, NULL, "text", array("a" => array(1)), "æ漢♥")'],
      ['bytes', 'array("\\0\\1\\xff\\xfe", str_repeat("\\0", 100))'],
      ['objects', 'array(new DrupaldFixtureCallbacks("inside"), (object) array("x" => 1))'],
      ['a megabyte', 'array(str_repeat("0123456789abcdef", 65536))'],
      ['nothing', 'array()'],
    ] as const) {
      test(`arguments: ${name}`, async () => {
        const expected = await bench.caller.php<{ md5: string; count: number }>(
          `$a = ${php}; return array('md5' => md5(serialize($a)), 'count' => count($a));`,
        );
        const run = await runToEnd(bench, 'drupald_fixture_arguments', { php });
        const arrived = detail(await event(bench.site, run.handle, 'arguments')) as Arrived;
        expect(arrived).toMatchObject(expected);
      });
    }

    test('callbacks that are methods', async () => {
      const named = await runToEnd(bench, 'DrupaldFixtureCallbacks::statically', ['named']);
      expect((await event(bench.site, named.handle, 'static_method')).detail).toBe('named');
      const pair = await runToEnd(bench, ['DrupaldFixtureCallbacks', 'statically'], ['pair']);
      expect((await event(bench.site, pair.handle, 'static_method')).detail).toBe('pair');
      const object = await runToEnd(bench, { php: 'array(new DrupaldFixtureCallbacks("lab"), "method")' }, ['x']);
      expect((await event(bench.site, object.handle, 'method')).detail).toBe('lab/secret of lab/x');
      expect(object.ended).toMatchObject({ outcome: 'completed' });
    });

    test('hooks are called as the module calls them', async () => {
      await bench.site.variable('drupald_fixture_log_pre_execute', true);
      const caller = await bench.site.caller();
      const handle = newHandle('hooks');
      await caller.startLocked(handle, 'drupald_fixture_mark', ['a'], { uid: 2 });
      await finished(bench, handle);
      await bench.site.variable('drupald_fixture_log_pre_execute', false);
      const seen = await events(bench.site, handle);
      expect(seen.map((found) => found.what)).toEqual(['pre_execute', 'mark', 'shutdown']);
      expect(detail(seen[2] ?? expect.fail('no shutdown'))).toMatchObject({
        message: null,
        uid: 2,
        callback: 'drupald_fixture_mark',
      });
    });

    test('the progress row is begun before and ended after the callback', async () => {
      const handle = newHandle('progress');
      await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
      await event(bench.site, handle, 'gate');
      const begun = await bench.site.sql('SELECT * FROM {progress} WHERE name = ?', [handle]);
      expect(begun).toEqual([
        expect.objectContaining({
          progress: 0,
          end_stamp: 0,
          message: "Background process 'drupald_fixture_gate' initialized",
        }),
      ]);
      await openGate(bench.site, handle);
      expect((await finished(bench, handle)).progress).toMatchObject({
        progress: 1,
        message: "Background process 'drupald_fixture_gate' finished",
      });
    });

    test('shutdown functions and destructors of site code run', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_shuts_down');
      await event(bench.site, run.handle, 'destructor');
      const seen = (await events(bench.site, run.handle)).map((found) => found.what);
      expect(seen).toEqual(expect.arrayContaining(['drupal_shutdown_function', 'php_shutdown_function', 'destructor']));
    });

    test('a run that starts others', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_starts', ['drupald_fixture_mark', 5]);
      expect(run.ended).toMatchObject({ outcome: 'completed' });
      await waitFor(
        async () => {
          const marks = await events(bench.site, undefined, 'mark');
          return ['0', '1', '2', '3', '4'].every((i) => marks.some((mark) => mark.detail === i));
        },
        { what: 'five started processes' },
      );
      await nothingLeft(bench.site);
    });

    test('what a callback prints goes to its own log and nowhere else', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_prints', [100_000]);
      expect(run.ended).toMatchObject({ outcome: 'completed' });
      await event(bench.site, run.handle, 'printed');
      const log = (await filesBelow(bench.daemon.stateDir)).find((file) =>
        file.text.includes('printed by the callback'),
      );
      for (const words of [
        'noticed by the callback',
        'warned by the callback',
        'stdout of the callback',
        'stderr of the callback',
        'php://stderr of the callback',
        'error_log of the callback',
        'system of the callback',
        'system stderr of the callback',
        'inherited by a program',
        'inherited stderr',
      ]) {
        expect(log?.text, words).toContain(words);
      }
      expect(bench.daemon.output).not.toContain('printed by the callback');
    });

    test('output is cut at its limit with a mark, and the run goes on', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_floods', [6_000_000]);
      expect(run.ended).toMatchObject({ outcome: 'completed' });
      await event(bench.site, run.handle, 'flooded');
      const log = (await filesBelow(bench.daemon.stateDir)).find((file) => file.text.includes('xxxxxxxxxxxxxxx\n'));
      expect(log?.bytes).toBeGreaterThan(500_000);
      expect(log?.bytes).toBeLessThan(1_300_000);
      expect(log?.text).toMatch(/cut/);
    });

    test('code that throws away all output buffers', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_ends_buffers');
      expect((await event(bench.site, run.handle, 'buffers')).detail).toBe('ended');
      expect(run.ended).toMatchObject({ outcome: 'completed' });
    });

    test('a row that was removed during the run gets no hook of its own', async () => {
      const run = await runToEnd(bench, 'drupald_fixture_removes_itself');
      expect(run.ended).toMatchObject({ outcome: 'completed' });
      expect(run.shutdowns.length).toBeLessThanOrEqual(1);
      await nothingLeft(bench.site);
    });
  },
  { both: true },
);
