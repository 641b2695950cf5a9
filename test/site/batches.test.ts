import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { BatchBrowser } from '../harness/batch-browser.js';
import { numbers, set, type BatchSights } from '../harness/batches.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { beginBatches } from '../harness/prepare-batches.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('batches', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 6 } });
  const apache = prepareApache(bench);
  let browser: BatchBrowser;
  let sights: BatchSights;
  let config: string;

  beforeAll(async () => {
    ({ browser, sights, config } = await beginBatches(bench, apache));
  }, 60_000);

  /** Nothing of a batch is left that its end removes. */
  async function nothingOf(id: number): Promise<void> {
    expect(await bench.site.sql('SELECT bid FROM {batch} WHERE bid = ?', [id])).toEqual([]);
    expect(await bench.site.sql('SELECT name FROM {queue} WHERE name LIKE ?', [`drupal_batch:${id}:%`])).toEqual([]);
  }

  test('every operation runs once, as the starter, and the end has its results and its messages', async () => {
    const label = newHandle('one');
    const id = await browser.make([set(label, 12, { 3: 'look', 5: 'say hello', 7: 'transaction', 9: 'sandbox' })]);
    const page = await browser.start(id);
    expect(page.text).toContain('background_batch/js/batch.js');
    const { polls, page: end } = await browser.toEnd(id);
    expect(await sights.begun(label)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 10, 11, 12]);
    expect(await sights.overs(label)).toEqual([
      { success: true, results: numbers(12), left: 0, uid: 1, elapsed: true },
    ]);
    expect(end).toContain('Set 1 is over');
    expect(end).toContain('Operation 5 says hello');
    expect(detail(await event(bench.site, label, 'look'))).toMatchObject({
      uid: 1,
      context: true,
      language: 'en',
      theme: expect.any(String),
    });
    // What an operation has left open is kept as at the end of a request.
    const kept = await bench.site.sql('SELECT name FROM {variable} WHERE name = ?', [`drupald_fixture_batch_${label}`]);
    expect(kept).toHaveLength(1);
    const shares = polls.map(({ percentage }) => Number(percentage)).filter((share) => !Number.isNaN(share));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    await nothingOf(id);
  }, 60_000);

  test('two sets of any sizes come to their ends, and less than 100 % is shown before', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [one, two] = [newHandle('first'), newHandle('second')];
      const id = await browser.make([set(one, 11), set(two, 20)]);
      await browser.start(id);
      const { page } = await browser.toEnd(id);
      expect(await sights.begun(one)).toEqual(numbers(11));
      expect(await sights.begun(two)).toEqual(numbers(20));
      expect(await sights.overs(one)).toMatchObject([
        { success: true, results: numbers(11) },
        { success: true, results: numbers(20) },
      ]);
      expect(page).toContain('Set 2 is over');
    }
  }, 60_000);

  test('fine progress is shown while an operation runs, also by the overview of processes', async () => {
    const label = newHandle('fine');
    const id = await browser.make([set(label, 2, { 2: `fine ${label}` })]);
    await browser.start(id);
    const polls = await browser.pollUntil(id, ({ percentage }) => percentage === '62.50');
    expect(polls.at(-1)?.message).toMatch(/^ETA: .*<br\/>Done 1 of 2, 1 left<br \/>Number 2$/);
    const [own] = await bench.site.sql<{ progress: number }>('SELECT progress FROM {progress} WHERE name = ?', [
      `background_batch:${id}`,
    ]);
    expect(own?.progress).toBe(0.625);
    await openGate(bench.site, label);
    await browser.toEnd(id);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: [1, 2] }]);
  }, 60_000);

  test('operations add sets, which get operations and results of their own', async () => {
    const [label, behind] = [newHandle('adds'), newHandle('behind')];
    const id = await browser.make([set(label, 3, { 2: 'add' }), set(behind, 4)]);
    await browser.start(id);
    await browser.toEnd(id);
    const added = [`${label}-added-1`, `${label}-added-2`];
    const order = (await events(bench.site, undefined, 'operation'))
      .map(({ handle, detail: number }) => `${handle} ${number}`)
      .filter((one) => one.includes(label) || one.includes(behind));
    expect(order).toEqual([
      ...numbers(3).map((number) => `${label} ${number}`),
      ...numbers(3).map((number) => `${added[1]} ${number}`),
      ...numbers(3).map((number) => `${added[0]} ${number}`),
      ...numbers(4).map((number) => `${behind} ${number}`),
    ]);
    expect((await sights.overs(label)).map(({ success, results }) => [success, results])).toEqual([
      [true, numbers(3)],
      [true, numbers(3)],
      [true, numbers(3)],
      [true, numbers(4)],
    ]);
  }, 60_000);

  test('a set may name a file, follow from a submit handler, or have a batch of its own run inside', async () => {
    const [late, form, nested] = [newHandle('late'), newHandle('form'), newHandle('nested')];
    const file = 'sites/all/modules/drupald_fixture/batch-late.inc';
    const one = await browser.make([{ ...set(late, 3), file }]);
    const two = await browser.make([{ ...set(form, 3), form_submit: 'drupald_fixture_batch_submit' }]);
    const three = await browser.make([set(nested, 3, { 2: 'nested' })]);
    for (const id of [one, two, three]) {
      await browser.start(id);
      await browser.toEnd(id);
      await nothingOf(id);
    }
    expect(await sights.overs(late)).toMatchObject([{ success: true, results: numbers(3) }]);
    expect(await events(bench.site, form, 'submitted')).toHaveLength(1);
    expect(await sights.begun(`${form}-submitted`)).toEqual(numbers(2));
    expect(await sights.overs(form)).toMatchObject([{ results: numbers(3) }, { results: numbers(2) }]);
    expect(await sights.begun(`${nested}-nested`)).toEqual([1]);
    expect(await sights.overs(nested)).toMatchObject([{ success: true, results: numbers(3) }]);
  }, 60_000);

  test('processes relieve each other, and several pages on one batch run each operation once', async () => {
    const label = newHandle('relay');
    await bench.site.variable('background_batch_process_lifespan', 1);
    const id = await browser.make([set(label, 8)]);
    await Promise.all([browser.start(id), browser.start(id), browser.start(id, false)]);
    const done = ({ percentage }: { readonly percentage: string }): boolean => Number(percentage) === 100;
    await Promise.all([browser.pollUntil(id, done), browser.pollUntil(id, done)]);
    await browser.finish(id);
    await bench.site.variable('background_batch_process_lifespan', 10_000);
    expect(await sights.begun(label)).toEqual(numbers(8));
    const runs = new Set((await events(bench.site, label, 'operation')).map(({ pid }) => pid));
    expect(runs.size).toBe(8);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(8) }]);
  }, 60_000);

  test('without JavaScript the page reloads itself to the end', async () => {
    const label = newHandle('plain');
    const id = await browser.make([set(label, 5)]);
    let answer = await browser.start(id, false);
    await waitFor(
      async () => {
        const next = /http-equiv="Refresh" content="0; URL=([^"]+)"/.exec(answer.text)?.[1]?.replaceAll('&amp;', '&');
        if (next?.includes('op=finished') === true) return true;
        answer = await browser.ask(new URL(next ?? '', apache.address).href.slice(apache.address.length + 1));
        return false;
      },
      { what: 'the page to lead to the end', seen: () => Promise.resolve(answer.text.slice(0, 2000)) },
    );
    expect(await browser.finish(id)).toContain('Set 1 is over');
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(5) }]);
  }, 60_000);

  test('what an operation that fails half way has done to the results does not stay', async () => {
    const label = newHandle('partly');
    const id = await browser.make([set(label, 6, { 4: 'partly' })]);
    await browser.start(id);
    const polls = await browser.pollUntil(id, ({ percentage }) => Number(percentage) === 100);
    expect(polls.map(({ message }) => message).join('\n')).toContain('The operation of the fixture fails half way');
    const page = await browser.finish(id);
    expect(page).toMatch(/operation failed: .*drupald_fixture_operation.*fails half way/);
    expect(await sights.begun(label)).toEqual([1, 2, 3, 4, 4, 4]);
    expect(await sights.overs(label)).toMatchObject([{ success: false, results: [1, 2, 3], left: 3 }]);
    await nothingOf(id);
    expect(await sights.progress(id)).toBeUndefined();
  }, 60_000);

  test('killed in an operation, exactly what was not saved runs again, and no result is lost', async () => {
    const label = newHandle('killed');
    const id = await browser.make([set(label, 30, { 14: `gate ${label}`, 15: 'kill-once' })]);
    await browser.start(id);
    await waitFor(async () => (await sights.begun(label)).includes(14), { what: 'the operation behind the gate' });
    await openGate(bench.site, label);
    await browser.pollUntil(id, ({ percentage }) => Number(percentage) === 100);
    expect(await shown(id)).toMatchObject({ left: 0, failures: 0, reason: '' });
    await browser.finish(id);
    const counts = numbers(30).map(
      async (number) => (await sights.begun(label)).filter((one) => one === number).length,
    );
    const all = await Promise.all(counts);
    expect(Math.min(...all)).toBe(1);
    expect(Math.max(...all)).toBe(2);
    expect(all[14]).toBe(2);
    expect(all.slice(15)).toEqual(numbers(15).map(() => 1));
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(30) }]);
  }, 60_000);

  test('an operation that always kills its process ends the batch after its retries', async () => {
    for (const mood of ['kill', 'exit', 'fatal']) {
      const label = newHandle(mood);
      const id = await browser.make([set(label, 6, { 4: mood })]);
      await browser.start(id);
      await browser.pollUntil(id, ({ percentage }) => Number(percentage) === 100);
      expect(await shown(id), mood).toMatchObject({ left: 3, percentage: 50 });
      const page = await browser.finish(id);
      expect(page, mood).toMatch(/an operation failed: The (PHP process of the )?operation drupald_fixture_operation /);
      const tries = (await sights.begun(label)).filter((number) => number === 4);
      expect(tries, mood).toHaveLength(3);
      expect(await sights.overs(label), mood).toMatchObject([{ success: false, results: [1, 2, 3], left: 3 }]);
    }
  }, 90_000);

  test('with the page closed it goes on over a death, ends once, and whoever comes back gets its page', async () => {
    const label = newHandle('closed');
    const id = await browser.make([set(label, 12, { 2: 'say so', 5: 'kill-once' }), set(`${label}-two`, 3)]);
    await browser.start(id);
    await sights.finishedHere(id);
    expect(new Set(await sights.begun(label))).toEqual(new Set(numbers(12)));
    const over = [
      { success: true, results: numbers(12), left: 0, uid: 1 },
      { success: true, results: numbers(3), left: 0, uid: 1 },
    ];
    expect(await sights.overs(label)).toMatchObject(over);
    expect(await bench.site.sql('SELECT name FROM {queue} WHERE name LIKE ?', [`drupal_batch:${id}:%`])).toEqual([]);
    // A browser comes back to the address of the page.
    expect((await browser.start(id)).status).toBe(200);
    const { page } = await browser.toEnd(id);
    for (const text of ['Operation 2 says so', 'Set 1 is over', 'Set 2 is over']) expect(page).toContain(text);
    expect(page).not.toContain('not come to its end');
    expect(await sights.overs(label)).toHaveLength(2);
    await nothingOf(id);
    expect(bench.daemon.lines.some((line) => line.event === 'batch.resumed' && line['batch'] === id)).toBe(true);
  }, 60_000);

  test('a callback of the end that takes its process with it is not called again', async () => {
    for (const [how, told] of [
      ['kill', 'What was to follow on this batch has not come to its end.'],
      ['memory', 'What was to follow on this batch has failed: Allowed memory size'],
    ] as const) {
      const label = newHandle(how);
      await bench.site.variable('drupald_fixture_finished_dies', how);
      const id = await browser.make([set(label, 2, { 1: 'say so' })]);
      await browser.start(id);
      await sights.finishedHere(id);
      await bench.site.variable('drupald_fixture_finished_dies', false);
      expect(await sights.overs(label), how).toHaveLength(1);
      const page = await browser.finish(id);
      for (const text of [told, 'Operation 1 says so']) expect(page, how).toContain(text);
      expect(await sights.overs(label), how).toHaveLength(1);
    }
  }, 60_000);

  test('a batch that was left by a daemon goes on with the next one', async () => {
    const label = newHandle('left');
    const id = await browser.make([set(label, 4, { 2: `gate ${label}` })]);
    await browser.start(id);
    const worker = await sights.workerAt(label, 2);
    await bench.daemon.kill9();
    process.kill(worker, 'SIGKILL');
    await openGate(bench.site, label);
    await bench.restart({ config });
    await sights.finishedHere(id);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(4) }]);
  }, 60_000);

  test('a batch that code has begun without any page comes to its end', async () => {
    const label = newHandle('code');
    const id = await bench.site.php<number>(
      '$GLOBALS["user"] = user_load(1); $batch = &batch_get(); $batch = array();' +
        ' batch_set(drupald_fixture_batch_set($args)); background_batch_process_batch("user");' +
        ' $id = $batch["id"]; $batch = array(); $GLOBALS["user"] = drupal_anonymous_user(); return (int) $id;',
      set(label, 5),
    );
    await sights.finishedHere(id);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(5), uid: 1 }]);
  }, 60_000);

  interface Shown {
    readonly batch: number;
    readonly state: string;
    readonly left: number;
    readonly percentage: number;
    readonly message: string;
    readonly starter: string;
    readonly failures: number;
    readonly reason: string;
  }
  const shown = async (id: number): Promise<Shown> =>
    JSON.parse((await ask(bench, 'batch', 'show', String(id), '--json')).stdout) as Shown;

  test('an administrator sees a batch, ends it, and lets it go on', async () => {
    // With the usual time before it would be finished here.
    await bench.restart();
    const label = newHandle('cancelled');
    const id = await browser.make([set(label, 6, { 3: `gate ${label}` })]);
    await browser.start(id);
    await waitFor(async () => (await sights.begun(label)).includes(3), { what: 'the operation behind the gate' });
    expect(await shown(id)).toMatchObject({ batch: id, state: 'running', starter: 'admin' });
    expect((await ask(bench, 'batch', 'list')).stdout).toMatch(new RegExp(`${id} .*running .*admin`));
    const ended = await ask(bench, 'batch', 'cancel', String(id), '--reason', 'not <today>');
    expect(ended.stdout + ended.stderr).toContain(`Batch ${id} of`);
    const reason = expect.stringContaining('not &lt;today&gt;') as string;
    expect(await shown(id)).toMatchObject({ state: 'stopped', left: expect.any(Number) as number, reason });
    const { left, message } = await shown(id);
    expect(left).toBeGreaterThan(3);
    expect(message).toContain(`Done ${6 - left} of 6, ${left} left`);
    expect((await ask(bench, 'batch', 'cancel', String(id))).stderr).toContain('DRUPALD_BATCH_UNCHANGED');
    await openGate(bench.site, label);
    expect((await ask(bench, 'batch', 'resume', String(id))).stdout).toContain('goes on');
    await browser.toEnd(id);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(6), left: 0 }]);
    expect((await ask(bench, 'batch', 'show', String(id))).stderr).toContain('DRUPALD_BATCH_UNKNOWN');
  }, 60_000);

  test('the page of a batch that was ended by somebody says so, and its callbacks are told', async () => {
    const label = newHandle('ended');
    const id = await browser.make([set(label, 4, { 2: `gate ${label}` })]);
    await browser.start(id);
    await waitFor(async () => (await sights.begun(label)).includes(2), { what: 'the operation behind the gate' });
    await ask(bench, 'batch', 'cancel', String(id));
    const { page } = await browser.toEnd(id);
    expect(page).toContain('The batch was cancelled by an administrator before it was done.');
    // What was not saved yet counts as left.
    expect(await sights.overs(label)).toMatchObject([{ success: false }]);
    await nothingOf(id);
  }, 60_000);

  test('saved one by one, no operation but the one that dies runs twice; left out, the others go on', async () => {
    const config = join(bench.suite.folder, `policies-${bench.daemon.port}.yml`);
    await writeFile(config, 'batch: { save: each, on_failure: skip }\n');
    await bench.restart({ config });
    const label = newHandle('skips');
    const id = await browser.make([set(label, 9, { 3: 'throw', 6: 'kill', 9: 'exit' }), set(`${label}-two`, 2)]);
    await browser.start(id);
    const { page } = await browser.toEnd(id);
    const counts = new Map<number, number>();
    for (const number of await sights.begun(label)) counts.set(number, (counts.get(number) ?? 0) + 1);
    // Which operation a killed process was in shows when it is killed there once more.
    expect([...counts].filter(([, count]) => count !== 1)).toEqual([[6, 2]]);
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: [1, 2, 4, 5, 7, 8], left: 0 },
      { success: true, results: [1, 2], left: 0 },
    ]);
    expect(page.match(/An operation was left out, because it failed/g)).toHaveLength(3);
    await writeFile(config, 'batch: { on_failure: stop }\n');
    await bench.restart({ config });
    const stops = newHandle('stops');
    const second = await browser.make([set(stops, 3, { 2: 'throw' }), set(`${stops}-two`, 2)]);
    await browser.start(second);
    expect((await browser.toEnd(second)).page).toContain('The batch was ended before it was done');
    expect(await sights.begun(stops)).toEqual([1, 2]);
    expect(await sights.overs(stops)).toMatchObject([
      { success: false, results: [1], left: 2 },
      { success: false, results: [], left: 2 },
    ]);
  }, 90_000);

  test('what the driver has saved the module itself goes on with, under the web server', async () => {
    const label = newHandle('handed');
    await bench.site.variable('background_batch_process_lifespan', 1);
    const id = await browser.make([set(label, 4, { 3: `gate ${label}` }), set(`${label}-two`, 3)]);
    await browser.start(id);
    const worker = await sights.workerAt(label, 3);
    const handle = `background_batch:${id}`;
    await bench.daemon.kill9();
    process.kill(worker, 'SIGKILL');
    await openGate(bench.site, label);
    await bench.site.setServiceHost(apache.address, 'site.test');
    // As by "Unlock" in Drupal.
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
    await bench.site.variable('background_batch_process_lifespan', 10_000);
    await browser.start(id);
    await browser.toEnd(id);
    expect(await sights.begun(label)).toEqual([1, 2, 3, 3, 4]);
    expect(await sights.begun(`${label}-two`)).toEqual(numbers(3));
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: numbers(4) },
      { success: true, results: numbers(3) },
    ]);
    await nothingOf(id);
  }, 60_000);
});
