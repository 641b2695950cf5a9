import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

function residentKb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describeSites('the order of the backlog', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1 } });

  test('waiting starts have status 3 and run in the order in which they came', async () => {
    const gate = newHandle('gate');
    await bench.caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
    await event(bench.site, gate, 'gate');
    const handles = Array.from({ length: 20 }, (_, i) => `${gate}-waits-${i}`);
    for (const handle of handles) {
      await bench.caller.startLocked(handle, 'drupald_fixture_mark', [handle]);
      // Two connections of one client may overtake each other: the next start follows when this one waits.
      await waitFor(
        async () => {
          const rows = await bench.site.sql('SELECT 1 FROM {background_process} WHERE handle = ? AND exec_status = 3', [
            handle,
          ]);
          return rows.length === 1;
        },
        { what: `${handle} to wait` },
      );
    }
    expect(await events(bench.site, handles[0], 'mark')).toEqual([]);
    await openGate(bench.site, gate);
    for (const handle of handles) {
      await finished(bench, handle);
    }
    const marks = (await events(bench.site, undefined, 'mark')).map((mark) => mark.handle);
    expect(marks).toEqual(handles);
  });
});

describeSites('a large backlog', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });
  // 5000 take more than a minute on a small machine.
  const backlog = Number(process.env['DRUPALD_TEST_BACKLOG'] ?? (kind === 'real' ? 600 : 300));

  test(
    `${backlog} waiting starts lose none and cost bounded memory`,
    async () => {
      const gates = Array.from({ length: 4 }, () => newHandle('gate'));
      for (const gate of gates) {
        await bench.caller.startLocked(gate, 'drupald_fixture_gate', [gates[0]]);
        await event(bench.site, gate, 'gate');
      }
      const before = residentKb(bench.daemon.pid);
      const starts = Array.from({ length: backlog }, (_, i) => ({
        callback: 'drupald_fixture_mark',
        args: [`backlog-${i}`],
      }));
      const callers = await Promise.all([bench.site.caller(), bench.site.caller()]);
      const half = Math.ceil(backlog / 2);
      const started = (
        await Promise.all([callers[0].startMany(starts.slice(0, half)), callers[1].startMany(starts.slice(half))])
      ).flat();
      expect(started.filter((handle) => typeof handle === 'string')).toHaveLength(backlog);
      await waitFor(
        async () => {
          const [row] = await bench.site.sql<{ n: number }>(
            'SELECT COUNT(*) AS n FROM {background_process} WHERE exec_status = 3',
          );
          return row?.n === backlog;
        },
        { what: 'all starts to wait' },
      );
      const status = await bench.daemon.ps();
      expect(status['waitingTotal']).toBe(backlog);
      // A waiting start is a row; the daemon keeps little more than its name.
      expect(residentKb(bench.daemon.pid) - before).toBeLessThan(60_000 + backlog * 10);
      await openGate(bench.site, gates[0] ?? '');
      await waitFor(
        async () => {
          const [row] = await bench.site.sql<{ n: number }>(
            "SELECT COUNT(*) AS n FROM {drupald_fixture_log} WHERE what = 'shutdown'",
          );
          return row?.n === backlog + gates.length;
        },
        { what: 'all starts to end', limitMs: 60_000 + backlog * 200 },
      );
      const marks = await events(bench.site, undefined, 'mark');
      expect(new Set(marks.map((mark) => mark.detail)).size).toBe(backlog);
      expect(marks).toHaveLength(backlog);
      await nothingLeft(bench.site);
    },
    120_000 + backlog * 300,
  );
});
