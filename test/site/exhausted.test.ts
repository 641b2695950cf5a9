import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Bench, prepareBench } from '../harness/bench.js';
import { newStateDir } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineRunning } from '../harness/doctor.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { lastInReserve, limitProcesses } from '../harness/process-limits.js';
import { mustRun } from '../harness/program.js';
import { insertRow, startPath } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { troubles } from '../harness/troubles.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

/** A process that waits behind its gate. */
async function behindGate(bench: Bench): Promise<{ handle: string; pid: number }> {
  const handle = newHandle('gate');
  await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle]);
  const { pid } = await event(bench.site, handle, 'gate');
  return { handle, pid };
}

describeSites('a machine that has no room left', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });

  test.each(['nproc', 'nofile'] as const)('for further processes or files (%s): all work waits', async (name) => {
    const { site, daemon } = bench;
    const gone = [await behindGate(bench), await behindGate(bench)];
    const stays = await behindGate(bench);
    await limitProcesses(daemon.pid, name, name === 'nproc' ? 1 : lastInReserve(daemon.pid) + 1);
    const waiting = [newHandle('waiting'), newHandle('waiting'), newHandle('waiting'), newHandle('waiting')];
    for (const handle of waiting) {
      // Where its request cannot be taken the sweep finds it.
      const token = await insertRow(site, { handle, ageSeconds: 3_600 });
      const answer = await post(daemon.port, startPath(handle, token)).catch(() => undefined);
      expect([undefined, 200, 503]).toContain(answer?.status);
    }
    for (const { handle, pid } of gone) {
      process.kill(pid, 'SIGKILL');
      await daemon.logged((line) => line.event === 'run.ended' && line['handle'] === handle, 'run.ended');
    }
    if (name === 'nproc') {
      // One helper stood ready.
      await daemon.logged((line) => line.event === 'settle.postponed', 'settle.postponed');
    }
    await waitFor(
      async () => (await troubles(daemon).catch((): string[] => [])).includes('DRUPALD_MACHINE_EXHAUSTED'),
      {
        what: 'ps to say so',
        seen: () => daemon.output.slice(-3000),
      },
    );
    await openGate(site, stays.handle);
    expect((await finished(bench, stays.handle)).ended['outcome']).toBe('completed');
    await limitProcesses(daemon.pid, name, 'most');
    for (const { handle } of gone) {
      await daemon.logged((line) => line.event === 'run.settled' && line['handle'] === handle, 'run.settled');
      const { shutdowns } = await finished(bench, handle);
      expect(shutdowns.map(({ message }) => message)).toEqual([expect.stringMatching(/SIGKILL/)]);
    }
    for (const handle of waiting) {
      expect((await finished(bench, handle)).ended['outcome']).toBe('completed');
      expect(await events(site, handle, 'mark')).toHaveLength(1);
    }
    await waitFor(async () => (await troubles(daemon)).length === 0, { what: 'the trouble to go' });
    await nothingLeft(site);
  });

  // Only root may mount the small file system that is filled here.
  test.skipIf(process.getuid?.() !== 0)('on the disk of the state directory: all goes on, and it is told', async () => {
    const { site, suite } = bench;
    const stateDir = await newStateDir(suite.folder);
    const { uid, gid } = site.account;
    await mustRun('mount', ['-t', 'tmpfs', '-o', `size=4m,uid=${uid},gid=${gid},mode=755`, 'tmpfs', stateDir]);
    const before = bench.daemon.stateDir;
    try {
      await bench.restart({ stateDir });
      const { handle } = await behindGate(bench);
      const filler = join(stateDir, 'filler');
      await expect(writeFile(filler, Buffer.alloc(8 << 20))).rejects.toThrow('ENOSPC');
      const gone = await behindGate(bench);
      await waitFor(
        async () => {
          // What is left of a page takes a few lines yet, and so do pages that are freed.
          await runToEnd(bench, 'drupald_fixture_noop');
          await appendFile(filler, Buffer.alloc(1 << 20)).catch(() => undefined);
          const { findings } = await examineRunning(bench.daemon.stateDir);
          const told = findings.some(({ title }) => title.includes('DRUPALD_STATE_DIR_FULL'));
          return told && (await troubles(bench.daemon)).includes('DRUPALD_STATE_DIR_FULL');
        },
        { what: 'ps and doctor to say so', seen: () => bench.daemon.output.slice(-3000) },
      );
      process.kill(gone.pid, 'SIGKILL');
      expect((await finished(bench, gone.handle)).shutdowns).toHaveLength(1);
      const meanwhile = await runToEnd(bench, 'drupald_fixture_mark');
      expect(meanwhile.ended['outcome']).toBe('completed');
      expect(meanwhile.shutdowns).toHaveLength(1);
      const last = await behindGate(bench);
      await rm(filler);
      await waitFor(async () => (await troubles(bench.daemon)).length === 0, { what: 'the trouble to go' });
      // What began on the full disk is known to the next daemon all the same.
      await bench.daemon.kill9();
      await bench.restart({ stateDir });
      for (const name of [handle, last.handle]) {
        await openGate(site, name);
        const run = await finished(bench, name);
        expect(run.ended['outcome']).toBe('completed');
        expect(run.shutdowns).toHaveLength(1);
      }
      await nothingLeft(site);
    } finally {
      await bench.daemon.kill9();
      await bench.restart({ stateDir: before });
      await mustRun('umount', ['-l', stateDir]);
    }
  });
});
