import { expect, test } from 'vitest';
import type { Arguments } from '../harness/caller.js';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { finished, type FinishedRun, newHandle, runToEnd } from '../harness/run.js';

describeSites('a cause that the table of progress cannot hold as it is', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  async function expectTold(run: FinishedRun, cause: RegExp, progress: RegExp): Promise<void> {
    expect(run.shutdowns.map((call) => call.message)).toEqual([expect.stringMatching(cause)]);
    expect(run.progress?.end_stamp).toBeGreaterThan(0);
    expect(run.progress?.message).toMatch(progress);
    await nothingLeft(bench.site, bench.daemon);
  }

  test.each<[string, Arguments, RegExp, RegExp]>([
    ['signs of four bytes', ['boom \u{1F600} end'], /boom \u{1F600} end/u, /boom .+ end/],
    ['no UTF-8', { php: 'array("boom \\xfc\\xff end")' }, /boom \?\? end/, /boom \?\? end/],
    ['longer than a sentence may be', ['ä'.repeat(400)], /Exception: ä{248}\.\.\. \(/, /ä{248}\.\.\. \(/],
  ])('is told by the worker itself: %s', async (_what, args, cause, progress) => {
    const run = await runToEnd(bench, 'drupald_fixture_throws', args);
    expect(run.ended).toMatchObject({ outcome: 'threw' });
    await expectTold(run, cause, progress);
    expect(bench.daemon.lines.filter((line) => line.event === 'settle.postponed')).toEqual([]);
  });

  test('is told by a helper', async () => {
    const handle = newHandle('stays');
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
    await event(bench.site, handle, 'stays');
    const killed = await drupald(['kill', handle, '--reason', 'ä \u{1F600} z', '--state-dir', bench.daemon.stateDir]);
    expect(killed.code).toBe(0);
    await expectTold(await finished(bench, handle), /: ä \u{1F600} z\.$/u, /: ä .+ z\.$/);
  });

  test('keeps the hook from nobody where no text fits at all', async () => {
    await bench.site.sql("ALTER TABLE {progress} ADD CONSTRAINT short CHECK (message NOT LIKE '%xxxx%')");
    try {
      const run = await runToEnd(bench, 'drupald_fixture_throws', ['x'.repeat(100)]);
      expect(run.shutdowns.map((call) => call.message)).toEqual([expect.stringMatching(/x{100}/)]);
      expect(run.watchdog.join('\n')).toContain('Its progress could not be ended');
    } finally {
      await bench.site.sql('ALTER TABLE {progress} DROP CONSTRAINT short');
    }
  });
});
