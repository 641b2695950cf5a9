import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { waitFor } from '../harness/wait.js';

const ENDS: readonly { readonly callback: string; readonly args?: readonly unknown[] }[] = [
  { callback: 'drupald_fixture_noop' },
  { callback: 'drupald_fixture_exits', args: [0] },
  { callback: 'drupald_fixture_throws' },
  { callback: 'drupald_fixture_progress', args: [5] },
  { callback: 'drupald_fixture_exits', args: [3] },
  { callback: 'drupald_fixture_fatal' },
  { callback: 'drupald_fixture_signal', args: [9] },
  { callback: 'drupald_fixture_mark', args: ['mixed'] },
  { callback: 'drupald_fixture_throws_error' },
  { callback: 'drupald_fixture_locks', args: ['mixed', 'kill'] },
  { callback: 'drupald_fixture_out_of_memory' },
  { callback: 'drupald_fixture_not_there' },
  { callback: 'drupald_fixture_prints', args: [1000] },
  { callback: 'drupald_fixture_signal', args: [15] },
  { callback: 'drupald_fixture_goes_to' },
  { callback: 'drupald_fixture_loses_database' },
  { callback: 'DrupaldFixtureCallbacks::statically', args: ['mixed'] },
  { callback: 'drupald_fixture_leaves_transaction' },
  { callback: 'drupald_fixture_unlocks_itself' },
  { callback: 'drupald_fixture_shuts_down' },
];

describeSites('a thousand mixed starts', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 6 } });
  const count = Number(process.env['DRUPALD_TEST_MIXED'] ?? (kind === 'real' ? 1000 : 200));

  test(
    `${count} starts of all kinds leave no row, no open progress, no process, no lock`,
    async () => {
      const starts = Array.from({ length: count }, (_, i) => ({
        ...(ENDS[i % ENDS.length] ?? { callback: 'drupald_fixture_noop' }),
        handle: `mixed ${i}/é`,
        uid: i % 3,
      }));
      const callers = await Promise.all([1, 2, 3].map(() => bench.site.caller()));
      const shares = callers.map((_, k) => starts.filter((_, i) => i % callers.length === k));
      const results = await Promise.all(callers.map((caller, k) => caller.startMany(shares[k] ?? [])));
      expect(results.flat().filter((result) => typeof result !== 'string')).toEqual([]);
      const told = async (): Promise<number> =>
        (
          await bench.site.sql<{ n: number }>(
            "SELECT COUNT(DISTINCT handle) AS n FROM {drupald_fixture_log} WHERE what = 'shutdown'",
          )
        )[0]?.n ?? 0;
      await waitFor(async () => (await told()) >= count, {
        what: 'every end to be told',
        seen: told,
        limitMs: 60_000 + count * 300,
      });
      await nothingLeft(bench.site, bench.daemon, 60_000);
      const calls = await events(bench.site, undefined, 'shutdown');
      const perHandle = new Map<string, number>();
      for (const call of calls) {
        perHandle.set(call.handle, (perHandle.get(call.handle) ?? 0) + 1);
      }
      expect([...perHandle].filter(([, times]) => times !== 1)).toEqual([]);
    },
    120_000 + count * 400,
  );
});
