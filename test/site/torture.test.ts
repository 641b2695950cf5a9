import { expect, test } from 'vitest';
import { evidenceOf, table, wrongCounts } from '../torture/report.js';
import { torture } from '../torture/torture.js';

// The short form: `npm run torture` is the long one.
test('processes, workers, daemon and database die at random, and every process is accounted for [stand-in]', async () => {
  const outcome = await torture({
    kind: 'stand-in',
    seed: Number(process.env['DRUPALD_TEST_SEED'] ?? 7),
    processes: 150,
    duration: 8_000,
  });
  const wrong = [...wrongCounts(outcome)].filter(([, count]) => count > 0);
  expect(wrong, `${evidenceOf(outcome)}\n\n${table(outcome)}`).toEqual([]);
  // Else the oracle had nothing to judge.
  expect(outcome.begun).toBeGreaterThan(50);
});
