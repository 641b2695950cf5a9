import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { enableOwnModule } from '../harness/own-module.js';
import { PageServer } from '../harness/page-server.js';
import { type RequestPlan, requestsOf, type RequestsSeen } from '../harness/requests.js';

describeSites("callbacks of drupald's requests", ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });
  let pages: PageServer;
  beforeAll(async () => {
    pages = await PageServer.start();
    await enableOwnModule(bench.site);
  }, 60_000);
  afterAll(async () => {
    await pages.stop();
  });

  const run = (requests: RequestPlan['requests'], process: RequestPlan['process'] = {}): Promise<RequestsSeen> =>
    requestsOf(bench, { functions: 'drupald', requests, process });
  const told = { postpone: true, told: true } as const;
  const codes = (seen: RequestsSeen): (string | number | null)[] => Object.values(seen.results).map(({ code }) => code);

  test('while a callback takes its time the next request is under way', async () => {
    // Answered when there are two: the callback's own, and the next one of the pump.
    const held = `${pages.address}/held/2`;
    const first = [`${pages.address}/first`, { postpone: true, asks: held }] as const;
    const seen = await run({ first, second: [held, told] }, { limit: 1 });
    expect(codes(seen)).toEqual([200, 200]);
    expect(seen.told).toEqual([
      [200, held],
      [200, held],
    ]);
  });

  test('a callback that throws disturbs no other request, and the first one is told behind them', async () => {
    const at = pages.address;
    const seen = await run(
      {
        one: [`${at}/1`, { postpone: true, throws: 'the first' }],
        two: [`${at}/2`, { postpone: true, throws: 'the second' }],
        three: [`${at}/3`, told],
      },
      { limit: 1 },
    );
    expect(codes(seen)).toEqual([200, 200, 200]);
    expect(seen.told).toHaveLength(3);
    expect(seen.thrown).toBe('the first');
    const logged = await bench.site.sql<{ text: string }>(
      "SELECT CONVERT(variables USING utf8mb4) AS text FROM {watchdog} WHERE type = 'drupald'",
    );
    expect(logged.map(({ text }) => text).join()).toContain('the second');
  });
});
