import { beforeAll, expect, test } from 'vitest';
import { BatchBrowser } from '../harness/batch-browser.js';
import { addGerman, numbers, set, type BatchSights } from '../harness/batches.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { beginBatches } from '../harness/prepare-batches.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, openGate } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites("batches of Drupal's own Batch API", ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });
  const apache = prepareApache(bench);
  let browser: BatchBrowser;
  let sights: BatchSights;
  let config: string;

  beforeAll(async () => {
    await bench.site.php('module_disable(array("background_batch")); menu_rebuild(); return TRUE;');
    ({ browser, sights, config } = await beginBatches(bench, apache, '{ adopt_core: true, adopt_after: 2 s }'));
  }, 60_000);

  const told = (name: string, id: number): Promise<unknown> =>
    bench.daemon.logged((line) => line.event === name && line['batch'] === id, `${name} of batch ${id}`);
  const wasTold = (name: string, id: number): boolean =>
    bench.daemon.lines.some((line) => line.event === name && line['batch'] === id);
  /** Asks nothing of the database meanwhile: a test's own connections could be those of requests. */
  const over = (id: number): Promise<unknown> =>
    bench.daemon.logged(
      (line) => line.event === 'run.ended' && line['handle'] === `drupald_batch:${id}`,
      `the end of batch ${id}`,
    );
  const token = async (id: number): Promise<string | undefined> =>
    (await bench.site.sql<{ token: string }>('SELECT token FROM {batch} WHERE bid = ?', [id]))[0]?.token;
  const shown = async (id: number): Promise<{ readonly state: string; readonly starter: string }> =>
    JSON.parse((await ask(bench, 'batch', 'show', String(id), '--json')).stdout) as { state: string; starter: string };

  test('left by its browser it is carried on, and whoever comes back gets the redirect and the messages', async () => {
    const label = newHandle('left');
    const moods = { 2: 'look', 5: 'pause 1100', 9: 'pause 1100', 12: 'sandbox', 14: 'say hello', 17: 'kill-once' };
    const id = await browser.begin([set(label, 20, moods), set(`${label}-two`, 3)]);
    const before = await token(id);
    expect((await browser.start(id)).status).toBe(200);
    expect((await browser.poll(id)).message).toContain('Done 5 of 20');
    expect((await browser.poll(id)).message).toContain('Done 9 of 20');
    await over(id);
    const begun = await sights.begun(label);
    expect(begun.filter((number) => number < 10)).toEqual(numbers(9));
    // What was not saved when its process was killed.
    expect(new Set(begun)).toEqual(new Set(numbers(20)));
    expect(begun.filter((number) => number > 17)).toEqual([18, 19, 20]);
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: numbers(20), left: 0, uid: 1 },
      { success: true, results: numbers(3), left: 0, uid: 1 },
    ]);
    expect(detail(await event(bench.site, label, 'look'))).toMatchObject({ uid: 1 });
    await waitFor(async () => (await token(id)) === before, { what: 'the batch to be given back to its pages' });
    expect(await shown(id)).toMatchObject({ state: 'finished here', starter: 'admin' });
    expect((await browser.start(id)).status).toBe(200);
    const { page } = await browser.toEnd(id);
    for (const text of ['Operation 14 says hello', 'Set 1 is over', 'Set 2 is over']) expect(page).toContain(text);
    expect(page).not.toContain('not come to its end');
    expect(await sights.overs(label)).toHaveLength(2);
    expect(await token(id)).toBeUndefined();
    expect(await bench.site.sql('SELECT 1 FROM {progress} WHERE name = ?', [`_background_batch:${id}`])).toEqual([]);
  }, 60_000);

  test('an operation under way in a request is waited for, however long; its browser is not disturbed', async () => {
    const label = newHandle('slow');
    const id = await browser.begin([set(label, 8, { 3: `gate ${label}`, 5: 'pause 1100' })]);
    await browser.start(id);
    const poll = browser.poll(id);
    await event(bench.site, label, 'operation');
    // Nothing of it has changed for long enough: only the connection of the request shows that it is at work.
    await told('batch.awaited', id);
    expect(await token(id)).not.toMatch(/[:?]/);
    expect(await shown(id)).toMatchObject({ state: 'in its browser' });
    expect((await ask(bench, 'batch', 'cancel', String(id))).stderr).toContain('only its browser');
    await openGate(bench.site, label);
    await poll;
    // From here on its browser is away.
    await over(id);
    expect(await sights.begun(label)).toEqual(numbers(8));
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(8) }]);
  }, 60_000);

  test('a request that had found it just before it was hidden is seen, and what it saves is kept', async () => {
    const [label, other] = [newHandle('late'), newHandle('other')];
    const id = await browser.begin([set(label, 6, { 1: `gate ${label}`, 2: 'pause 1100' })]);
    await browser.start(id);
    const caller = await bench.site.caller();
    // May have it in hand, as far as anybody can tell, and so holds back what follows.
    const busy = caller.php('drupald_fixture_gate($args, "silent"); return TRUE;', other);
    await told('batch.awaited', id);
    const poll = browser.poll(id);
    await event(bench.site, label, 'operation');
    await openGate(bench.site, other);
    await busy;
    await caller.close();
    await bench.daemon.logged(
      (line) => line.event === 'batch.awaited' && line['batch'] === id && line['hidden'] === true,
      'the request to be seen behind the batch, which is hidden',
    );
    await openGate(bench.site, label);
    expect((await poll).message).toMatch(/Done [12] of 6/);
    await over(id);
    expect(await sights.begun(label)).toEqual(numbers(6));
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(6) }]);
  }, 60_000);

  test('one that is still polled is never adopted', async () => {
    const label = newHandle('polled');
    const moods = Object.fromEntries(numbers(5).map((number) => [number, 'pause 1100']));
    const id = await browser.begin([set(label, 5, moods)]);
    await browser.start(id);
    const { page } = await browser.toEnd(id);
    expect(page).toContain('Set 1 is over');
    expect(wasTold('batch.adopted', id)).toBe(false);
    expect(await sights.begun(label)).toEqual(numbers(5));
  }, 60_000);

  test('while it is carried on its pages do not find it; it goes on with the next daemon, or with its pages', async () => {
    const label = newHandle('hidden');
    const id = await browser.begin([set(label, 6, { 2: `gate ${label}`, 4: `gate ${label}-two`, 6: 'say so' })]);
    await browser.start(id);
    await told('batch.adopted', id);
    await waitFor(async () => (await sights.begun(label)).includes(2), { what: 'the operation behind the gate' });
    expect((await browser.ask(`batch?id=${id}&op=start`)).location).toBe('/');
    expect(await shown(id)).toMatchObject({ state: 'running' });
    const killed = async (): Promise<void> => {
      const runs = bench.daemon.lines.filter(
        (line) => line.event === 'run.claimed' && line['handle'] === `background_batch:${id}`,
      );
      await bench.daemon.kill9();
      process.kill(Number(runs.at(-1)?.['pid']), 'SIGKILL');
    };
    await killed();
    await openGate(bench.site, label);
    await bench.restart({ config });
    await waitFor(async () => (await sights.begun(label)).includes(4), {
      what: 'the operation behind the second gate',
    });
    await killed();
    await openGate(bench.site, `${label}-two`);
    await bench.restart();
    await waitFor(async () => /^[^:?]+$/.test((await token(id)) ?? ''), { what: 'the batch to be given back' });
    const { page } = await browser.toEnd(id);
    expect(page).toContain('Operation 6 says so');
    expect(new Set(await sights.begun(label))).toEqual(new Set(numbers(6)));
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(6) }]);
    await bench.restart({ config });
  }, 90_000);

  test('it goes on in the language of the page that began it', async () => {
    await addGerman(bench.site);
    const label = newHandle('german');
    browser.prefix = 'de/';
    const id = await browser.begin([set(label, 3, { 2: 'look', 3: 'say so' })]);
    await over(id);
    expect(detail(await event(bench.site, label, 'look'))).toMatchObject({ language: 'de', uid: 1 });
    expect((await browser.toEnd(id)).page).toContain('Vorgang 3 sagt so');
    browser.prefix = '';
  }, 60_000);

  test('one whose session is gone is left alone, and the log says so', async () => {
    const label = newHandle('nobody');
    const other = await BatchBrowser.signIn(apache.address, bench.site);
    const id = await other.begin([set(label, 3)]);
    await other.ask('user/logout');
    await told('batch.not-adopted', id);
    expect(await sights.begun(label)).toEqual([]);
    expect(await token(id)).not.toMatch(/[:?]/);
  }, 60_000);
});
