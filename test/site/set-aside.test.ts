import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { drupald } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { fence, finished, newHandle, runToEnd, watchdogAbout } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

/** What the ends of a chain's links come to. */
const outcomes: Readonly<Record<string, string>> = {
  return: 'completed',
  kill: 'signalled',
  fatal: 'fatal',
  memory: 'out-of-memory',
};

describeSites('a process that crashes again and again', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('is set aside with the reason, also over a restart, until somebody lets it go', async () => {
    const handle = newHandle('poison');
    for (let round = 1; round <= 3; round += 1) {
      await bench.caller.startLocked(handle, 'drupald_fixture_signal', [9]);
      expect((await finished(bench, handle, round)).ended).toMatchObject({ outcome: 'signalled' });
    }
    await bench.caller.startLocked(handle, 'drupald_fixture_mark', ['after the crashes']);
    const line = await bench.daemon.logged((found) => found.event === 'run.set-aside', 'run.set-aside');
    expect(JSON.stringify(line)).toMatch(/It crashed 3 times since .*SIGKILL/);
    await waitFor(async () => (await readRow(bench.site, handle))?.exec_status === 3, { what: 'its row to wait' });
    // Others are not held back.
    await runToEnd(bench, 'drupald_fixture_noop');
    await bench.restart();
    await waitFor(async () => JSON.stringify(await bench.daemon.ps()).includes('"set aside"'), {
      what: 'ps to show it',
      seen: () => bench.daemon.ps(),
    });
    expect(await events(bench.site, handle, 'mark')).toEqual([]);
    const at = ['--state-dir', bench.daemon.stateDir];
    expect((await drupald(['ps', ...at])).stdout).toMatch(new RegExp(`^${handle}: It crashed 3 times since`, 'm'));
    expect((await drupald(['show', handle, ...at])).stdout).toMatch(
      new RegExp(`^${handle} is set aside\n[^]*It crashed 3 times since`),
    );
    const retried = await drupald(['retry', handle, '--state-dir', bench.daemon.stateDir]);
    expect(retried.stdout + retried.stderr).toBe(`${handle} is started again.\n`);
    await event(bench.site, handle, 'mark');
    expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
    await nothingLeft(bench.site, bench.daemon);
  });

  test.each([
    ['at each link', ['kill', 'kill', 'kill', 'kill', 'return']],
    ['in three ways, with good links between', ['kill', 'return', 'fatal', 'return', 'memory', 'return', 'return']],
  ])('a chain that kills its worker %s is set aside with its evidence', async (_, ends) => {
    const { site, daemon } = bench;
    const handle = newHandle('chain');
    const links = async (): Promise<unknown[]> => (await events(site, handle, 'link')).map((found) => found.detail);
    await bench.caller.startLocked(handle, 'drupald_fixture_chain', [ends]);
    const sentences: unknown[] = [];
    // All but the last: a link that crashes has begun the next one before, so that one still runs.
    for (const [index, end] of ends.slice(0, -1).entries()) {
      await openGate(site, `${handle}-${ends.length - index}`);
      const { ended } = await finished(bench, handle, index + 1);
      expect(ended['outcome']).toBe(outcomes[end]);
      sentences.push(ended['sentence']);
    }
    const line = await daemon.logged(
      (found) => found.event === 'run.set-aside' && found['handle'] === handle,
      'run.set-aside',
    );
    const reason = String(line['reason']);
    expect(reason).toMatch(/^It crashed 3 times since /);
    expect(reason).toContain(
      sentences[ends.findLastIndex((end, index) => end !== 'return' && index < ends.length - 2)],
    );
    await waitFor(async () => (await readRow(site, handle))?.exec_status === 3, { what: 'its row to wait' });
    const at = ['--state-dir', daemon.stateDir];
    expect((await drupald(['show', handle, ...at])).stdout).toContain(reason);
    await waitFor(async () => (await watchdogAbout(site, handle)).join().includes(`drupald retry ${handle}`), {
      what: 'the line in the log of the site',
    });
    await openGate(site, `${handle}-1`);
    // Others are not held back, and by then it would have run.
    await fence(bench);
    expect(await links()).toEqual(ends.slice(0, -1));
    expect((await drupald(['retry', handle, ...at])).stdout).toBe(`${handle} is started again.\n`);
    expect((await finished(bench, handle, ends.length)).ended['outcome']).toBe('completed');
    await nothingLeft(site, daemon);
    expect(await links()).toEqual(ends);
    // Each link is told of once.
    expect(await events(site, handle, 'shutdown')).toHaveLength(ends.length);
  });

  test('retry says that nothing of that name is set aside', async () => {
    const retried = await drupald(['retry', 'nobody', '--state-dir', bench.daemon.stateDir]);
    expect(retried.code).toBe(1);
    expect(retried.stderr).toContain('[DRUPALD_PROCESS_NOT_ASIDE]');
  });
});
