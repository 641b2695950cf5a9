import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { FakeClock, hasFakeClock } from '../harness/fake-clock.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { insertRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

interface Ages {
  readonly runs: readonly { readonly handle: string; readonly waitedMs: number; readonly ranMs: number | null }[];
}

describeSites('a clock that is set by an hour under a running daemon', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });

  test.skipIf(!hasFakeClock)('disturbs no run, ends none, and no age is wrong', async () => {
    const { site, caller } = bench;
    const clock = await FakeClock.at(join(bench.suite.folder, newHandle('clock')));
    const { env } = clock;
    const config = join(bench.suite.folder, `${newHandle('clock')}.yml`);
    const entry = { root: site.root, uris: site.uris, env };
    await writeFile(config, JSON.stringify({ sites: [entry] }));
    const daemon = await bench.restart({ config, env, sites: [] });

    const behindGate = async (end: string): Promise<{ handle: string; pid: number; end: string }> => {
      const handle = newHandle(`gate-${end}`);
      await caller.startLocked(handle, 'drupald_fixture_gate', [handle, end]);
      const { pid } = await event(site, handle, 'gate');
      return { handle, pid, end };
    };
    const ends = ['return', 'throw', 'exit', 'kill'];
    const seen: number[] = [];
    for (const hours of [1, 0, -1, 0]) {
      const gates = [];
      for (const end of ends) {
        gates.push(await behindGate(end));
      }
      const before = (await event(site, gates[0]?.handle ?? '', 'gate')).at;
      await clock.shift(hours * 3_600_000);
      const { runs } = (await daemon.ps()) as unknown as Ages;
      expect(runs.map(({ handle }) => handle).sort()).toEqual(gates.map(({ handle }) => handle).sort());
      for (const { waitedMs, ranMs } of runs) {
        for (const age of [waitedMs, ranMs ?? -1]) {
          expect(age).toBeGreaterThanOrEqual(0);
          expect(age).toBeLessThan(600_000);
        }
      }
      for (const { handle, end } of gates) {
        await openGate(site, handle);
        const run = await finished(bench, handle);
        const outcome = { return: 'completed', throw: 'threw', exit: 'exited', kill: 'signalled' }[end];
        expect(run.ended['outcome'], `${end} at ${hours}`).toBe(outcome);
        expect(run.shutdowns, `${end} at ${hours}`).toHaveLength(1);
        expect(run.progress?.end_stamp, `${end} at ${hours}`).toBeGreaterThan(0);
        expect(run.ended['ranMs']).toBeGreaterThanOrEqual(0);
        expect(run.ended['ranMs']).toBeLessThan(600_000);
      }
      const next = await runToEnd(bench, 'drupald_fixture_mark');
      expect(next.ended['outcome']).toBe('completed');
      seen.push(Math.round(((await event(site, next.handle, 'mark')).at - before) / 3_600));
      await nothingLeft(site);
    }
    // That the clock was set at all.
    expect(seen).toEqual([1, -1, -1, 1]);

    // Stamped before the clock was set back: from now on that is in the future.
    const missed = newHandle('missed');
    await insertRow(site, { handle: missed, ageSeconds: -3_600 });
    expect((await finished(bench, missed)).ended['outcome']).toBe('completed');
    expect(await events(site, missed, 'mark')).toHaveLength(1);
    await waitFor(async () => ((await daemon.ps()) as unknown as Ages).runs.length === 0, { what: 'nothing to run' });
  });
});
