import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import type { Suite } from '../harness/suite.js';
import { queueEvidence, queueTable, wrongItemCounts } from '../torture/queue-report.js';
import { tortureQueues } from '../torture/queue-torture.js';

// The short form: `npm run torture -- --queue` is the long one.
describeSites('queues under torture', ['real'], (kind) => {
  let suite: Suite;

  beforeAll(async () => {
    suite = await openSuite();
  });

  afterAll(async () => {
    await suite.close();
  });

  test('workers, daemon and database die at random, and every item is done once', async () => {
    const outcome = await tortureQueues({
      kind,
      suite,
      seed: Number(process.env['DRUPALD_TEST_SEED'] ?? 7),
      items: 250,
      duration: 7_000,
    });
    const wrong = [...wrongItemCounts(outcome)].filter(([, count]) => count > 0);
    expect(wrong, `${queueEvidence(outcome)}\n\n${queueTable(outcome)}`).toEqual([]);
    // Else the oracle had nothing to judge; whether a kill meets an item in the middle is up to chance.
    expect(outcome.done).toBeGreaterThanOrEqual(250);
    expect(outcome.facts.aside.size).toBeGreaterThan(0);
  });
});
