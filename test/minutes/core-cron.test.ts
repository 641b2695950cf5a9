import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { prepareBench } from '../harness/bench.js';
import { cronSights, cronState, makeDue, numberVariable } from '../harness/cron.js';
import { describeSites } from '../harness/describe-sites.js';
import { events } from '../harness/fixture-log.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { waitFor } from '../harness/wait.js';

/** Pages a second. */
const rate = 100;

/** Seconds for which they are asked for. */
const seconds = 200;

/** The site's interval of cron, in seconds. */
const threshold = 60;

describe('real minutes', () => {
  describeSites('cron of a site without Ultimate Cron', ['real'], (kind) => {
    const bench = prepareBench(kind, { daemon: { slots: 4 } });
    const apache = prepareApache(bench);
    const told: Record<string, unknown> = {};

    beforeAll(async () => {
      await bench.site.variable('cron_safe_threshold', threshold);
      await bench.site.variable('cron_last', Math.floor(Date.now() / 1000));
      await cronState(bench, 'waiting');
    }, 120_000);

    afterAll(() => {
      console.table(told);
    });

    /** Asks for pages at the rate, whatever each takes; how many were answered. */
    async function crowd(): Promise<number> {
      const start = performance.now();
      const answers: Promise<boolean>[] = [];
      for (let index = 0; index < seconds * rate; index += 1) {
        await pause(Math.max(0, start + (index * 1000) / rate - performance.now()));
        answers.push(
          new Promise((resolve) => {
            get({ port: apache.port, host: '127.0.0.1', path: '/user', headers: { host: 'site.test' } }, (answer) => {
              answer.resume();
              answer.on('end', () => resolve(answer.statusCode === 200));
            }).on('error', () => resolve(false));
          }),
        );
      }
      return (await Promise.all(answers)).filter(Boolean).length;
    }

    test('a crowd of visitors runs none, and each interval has one run', async () => {
      const { site } = bench;
      await site.php(
        "foreach (array('drupald_fixture_work', 'drupald_fixture_skipped') as $queue) { drupald_fixture_enqueue($queue, array(array(\"in $queue\", ''))); } return TRUE;",
      );
      await makeDue(site);
      await waitFor(async () => (await cronSights(site)).length === 1, { what: 'the first run' });
      const begun = Date.now() / 1000;
      const answered = await crowd();
      const took = Date.now() / 1000 - begun;
      const sights = await events(site, 'cron', 'cron');
      const starts = sights.map(({ at }) => at);
      const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
      told[`pages answered in ${took.toFixed(0)} s`] = answered;
      told['seconds between two runs'] = gaps.map((gap) => gap.toFixed(1)).join(', ');
      expect((await cronSights(site)).map(({ sapi }) => sapi)).toEqual(starts.map(() => 'cli'));
      // A tenth before a page would do it.
      for (const gap of gaps) {
        expect(gap).toBeGreaterThan(threshold * 0.9 - 2);
        expect(gap).toBeLessThan(threshold);
      }
      expect(starts).toHaveLength(1 + Math.floor(took / (threshold * 0.9)));
      expect(await numberVariable(site, 'cron_last')).toBe(Math.floor(starts.at(-1) ?? NaN));
      expect(await events(site, 'in drupald_fixture_work', 'work')).toHaveLength(1);
      expect(await events(site, 'in drupald_fixture_skipped')).toEqual([]);
      expect(answered).toBeGreaterThan(0);
    });
  });
});
