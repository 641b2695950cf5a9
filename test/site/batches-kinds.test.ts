import { beforeAll, expect, test } from 'vitest';
import type { BatchBrowser } from '../harness/batch-browser.js';
import { addGerman, numbers, set, type BatchSights } from '../harness/batches.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { beginBatches } from '../harness/prepare-batches.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { newHandle } from '../harness/run.js';

describeSites('batches of all kinds', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });
  const apache = prepareApache(bench);
  let browser: BatchBrowser;
  let sights: BatchSights;
  let config: string;

  beforeAll(async () => {
    ({ browser, sights, config } = await beginBatches(bench, apache));
  }, 60_000);

  test('processes that leak are relieved in time, and results larger than the limit of memory are no trouble', async () => {
    const label = newHandle('bulk');
    const limited = bench.daemon.lines.length;
    await bench.site.configure({ extra: "ini_set('memory_limit', '32M');" });
    const operations = numbers(200).map((number) => [number, '200000'] as const);
    const id = await browser.make([
      { label, operations, function: 'drupald_fixture_bulk_operation', finished: 'drupald_fixture_bulk_finished' },
    ]);
    await browser.start(id);
    // Its pages, which have the same limit, cannot read it any more.
    await sights.finishedHere(id);
    await bench.site.configure({ extra: '' });
    expect(detail(await event(bench.site, label, 'bulk'))).toEqual({
      success: true,
      numbers: 200,
      bytes: 40_000_000,
    });
    const runs = bench.daemon.lines
      .slice(limited)
      .filter((line) => line.event === 'run.ended' && line['handle'] === `background_batch:${id}`);
    expect(runs.length).toBeGreaterThan(1);
    expect(new Set(runs.map((run) => run['outcome']))).toEqual(new Set(['completed']));
  }, 60_000);

  test('cron begins a batch, as nobody, and it comes to its end', async () => {
    const label = newHandle('cron');
    await bench.site.variable('drupald_fixture_cron', `batch ${label}`);
    expect((await ask(bench, 'cron', 'run', 'cron')).stderr).toBe('');
    const over = detail(await event(bench.site, label, 'finished'));
    expect(over).toMatchObject({ success: true, results: numbers(3), left: 0, uid: 0 });
    expect(detail(await event(bench.site, label, 'look'))).toMatchObject({ uid: 0 });
    expect(await sights.begun(label)).toEqual(numbers(3));
    await bench.site.variable('drupald_fixture_cron', '');
  }, 60_000);

  test('messages are in the language of the starter, also behind a death', async () => {
    await addGerman(bench.site);
    const label = newHandle('german');
    browser.prefix = 'de/';
    const id = await browser.begin([set(label, 5, { 2: 'kill-once', 4: 'look', 5: 'say so' })]);
    await browser.start(id);
    expect((await browser.toEnd(id)).page).toContain('Vorgang 5 sagt so');
    browser.prefix = '';
    expect(detail(await event(bench.site, label, 'look'))).toMatchObject({ language: 'de', uid: 1 });
  }, 60_000);

  test('each isolation runs a batch alike', async () => {
    await bench.site.variable('background_batch_process_lifespan', 200);
    for (const isolation of ['shared', 'fresh', 'cold'] as const) {
      await bench.restart({ config, isolation });
      const [one, two, other] = [newHandle(isolation), newHandle(`${isolation}-two`), newHandle(`${isolation}-other`)];
      const moods = { 2: 'look', 3: 'pause 250', 5: 'kill-once', 7: 'say hello', 9: 'sandbox' };
      const ids = [await browser.make([set(one, 11, moods), set(two, 20)]), await browser.make([set(other, 4)])];
      await Promise.all(ids.map((id) => browser.start(id)));
      const pages = await Promise.all(ids.map((id) => browser.toEnd(id)));
      expect(pages[0]?.page).toContain('Operation 7 says hello');
      expect(pages[1]?.page).not.toContain('Operation 7 says hello');
      expect(detail(await event(bench.site, one, 'look')), isolation).toMatchObject({ uid: 1, language: 'en' });
      expect(await sights.overs(one), isolation).toMatchObject([
        { success: true, results: numbers(11), left: 0, uid: 1 },
        { success: true, results: numbers(20), left: 0, uid: 1 },
      ]);
      expect(await sights.begun(two), isolation).toEqual(numbers(20));
      expect(await sights.begun(other), isolation).toEqual(numbers(4));
      expect(await sights.overs(other), isolation).toHaveLength(1);
      expect((await events(bench.site, one, 'operation')).length, isolation).toBeGreaterThan(0);
    }
    await bench.site.variable('background_batch_process_lifespan', 10_000);
  }, 120_000);
});
