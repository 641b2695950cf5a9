import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { makeMemoryGroup, type MemoryGroup } from '../harness/memory-group.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

/** Megabytes that the daemon and its workers have together; one callback asks for more than that. */
const room = 600;

describeSites('memory that is used up', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });
  let group: MemoryGroup | undefined;
  let reason = '';

  beforeAll(async () => {
    const made = await makeMemoryGroup(newHandle('drupald'), room * 1048576);
    if (typeof made === 'string') {
      reason = made;
    } else {
      group = made;
      await group.take(bench.daemon.pid);
    }
  });

  afterAll(async () => {
    await bench.daemon.stop();
    await group?.remove();
  });

  /** Skips a test where the kernel can not be made to kill for memory. */
  function needsGroup(context: TestContext): void {
    if (!group) {
      context.skip(reason);
    }
  }

  /** One that waits behind its gate and takes memory then; its worker's process id. */
  async function beforeHog(): Promise<{ handle: string; pid: number }> {
    const handle = newHandle('hog');
    await bench.caller.startLocked(handle, 'drupald_fixture_hogs_behind_gate', [room * 2, handle]);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  async function killedByKernel(handle: string): Promise<void> {
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({ outcome: 'out-of-memory' });
    expect(run.ended['sentence']).toMatch(/was killed by the kernel, because .* ran out of memory/);
    expect(run.shutdowns.map(({ message }) => message)).toEqual([run.ended['sentence']]);
  }

  /** One that somebody ends by SIGKILL. */
  async function killedByHand(): Promise<void> {
    const handle = newHandle('stays');
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
    const { pid } = await event(bench.site, handle, 'stays');
    process.kill(pid, 'SIGKILL');
    expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'signalled' });
  }

  test('by the limit of PHP, inside the group too', async () => {
    const run = await runToEnd(bench, 'drupald_fixture_out_of_memory');
    expect(run.ended).toMatchObject({ outcome: 'out-of-memory' });
    expect(run.ended['sentence']).toMatch(/PHP's limit of 64 MB was reached/);
    await nothingLeft(bench.site, bench.daemon);
  });

  test('so that the kernel kills the worker, and a kill by hand is told from that', async (context) => {
    needsGroup(context);
    await killedByHand();
    const { handle } = await beforeHog();
    await openGate(bench.site, handle);
    await killedByKernel(handle);
    await killedByHand();
    await nothingLeft(bench.site, bench.daemon);
  });

  test('so that the kernel kills two before anybody looks', async (context) => {
    needsGroup(context);
    const hogs = [await beforeHog(), await beforeHog()];
    process.kill(bench.daemon.pid, 'SIGSTOP');
    for (const { handle, pid } of hogs) {
      await openGate(bench.site, handle);
      await waitFor(() => isDead(pid), { what: 'the kernel to kill it' });
    }
    process.kill(bench.daemon.pid, 'SIGCONT');
    for (const { handle } of hogs) {
      await killedByKernel(handle);
    }
    await killedByHand();
    await nothingLeft(bench.site, bench.daemon);
  });
});
