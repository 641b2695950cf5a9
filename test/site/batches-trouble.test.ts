import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { BatchBrowser } from '../harness/batch-browser.js';
import { numbers, set, type BatchSights } from '../harness/batches.js';
import { prepareApache } from '../harness/prepare-apache.js';
import { beginBatches } from '../harness/prepare-batches.js';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('batches in trouble', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 }, ownServer: true });
  const apache = prepareApache(bench);
  let browser: BatchBrowser;
  let sights: BatchSights;
  let config: string;

  beforeAll(async () => {
    ({ browser, sights, config } = await beginBatches(bench, apache));
  }, 60_000);

  test('an operation that runs out of memory keeps what was done before, and the page says why', async () => {
    for (const mood of ['memory', 'memory-slowly']) {
      const label = newHandle(mood);
      const id = await browser.make([set(label, 5, { 4: mood })]);
      await browser.start(id);
      const { page } = await browser.toEnd(id);
      expect(
        (await sights.begun(label)).filter((number) => number === 4),
        mood,
      ).toHaveLength(3);
      expect(await sights.overs(label), mood).toMatchObject([{ success: false, results: [1, 2, 3], left: 2 }]);
      expect(page, mood).toMatch(/operation failed: [^<]*memory/);
    }
  }, 60_000);

  test('a form that an operation submits may set a batch, which follows', async () => {
    const label = newHandle('form');
    const id = await browser.make([set(label, 4, { 2: 'form' })]);
    await browser.start(id);
    await browser.toEnd(id);
    expect(await sights.begun(label)).toEqual(numbers(4));
    expect(await events(bench.site, label, 'submitted')).toHaveLength(1);
    expect(await sights.begun(`${label}-submitted`)).toEqual(numbers(2));
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: numbers(4) },
      { success: true, results: numbers(2) },
    ]);
  }, 60_000);

  test('a page that asks for the end while its callbacks run waits for them', async () => {
    for (const [how, told] of [
      ['opened', 'Set 1 is over'],
      ['killed', 'What was to follow on this batch has not come to its end.'],
    ] as const) {
      const label = newHandle(how);
      await bench.site.variable('drupald_fixture_finished_dies', 'gate');
      const id = await browser.make([set(label, 3, { 2: 'say so' })]);
      await browser.start(id);
      const { pid } = await event(bench.site, label, 'finished');
      const page = browser.finish(id);
      // It has made the progress again that it removes, and is at the lock.
      await waitFor(async () => (await sights.progress(id))?.message === '', {
        what: `the page of batch ${id} to wait`,
      });
      await bench.site.variable('drupald_fixture_finished_dies', false);
      if (how === 'opened') await openGate(bench.site, label);
      else process.kill(pid, 'SIGKILL');
      const text = await page;
      expect(text, how).toContain(told);
      expect(text, how).toContain('Operation 2 says so');
      expect(await sights.overs(label), how).toHaveLength(1);
      expect(await bench.site.sql('SELECT bid FROM {batch} WHERE bid = ?', [id]), how).toEqual([]);
    }
  }, 60_000);

  test('many pages may wait for the callbacks of one end', async () => {
    const label = newHandle('many');
    await bench.site.variable('drupald_fixture_finished_dies', 'gate');
    const id = await browser.make([set(label, 3)]);
    await browser.start(id);
    await event(bench.site, label, 'finished');
    // Whoever comes behind the first of them may be told that there is no such batch any more.
    const pages = Promise.all(numbers(8).map(() => browser.finish(id).catch(String)));
    await waitFor(async () => (await sights.progress(id))?.message === '', { what: `pages of batch ${id} to wait` });
    await bench.site.variable('drupald_fixture_finished_dies', false);
    await openGate(bench.site, label);
    for (const page of await pages) expect(page).not.toMatch(/^Error: The end of batch \d+: 5/);
    expect(await sights.overs(label)).toHaveLength(1);
  }, 60_000);

  test('an operation whose process was killed by somebody has not failed', async () => {
    const label = newHandle('often');
    const id = await browser.make([set(label, 4, { 2: 'kill-once', 3: `gate ${label}` })]);
    // More often than an operation may fail.
    for (let kills = 0; kills < 4; kills += 1) {
      // Each question of a page begins another process, once the row of the one before is gone.
      const runs = async (): Promise<number> => (await sights.begun(label)).filter((number) => number === 3).length;
      const isThere = async (): Promise<boolean> => {
        await browser.poll(id);
        return (await runs()) > kills;
      };
      await waitFor(isThere, { what: `process ${kills + 1} to come to the gate` });
      const killed = await ask(bench, 'kill', `background_batch:${id}`);
      expect(killed.code, killed.stderr).toBe(0);
    }
    await openGate(bench.site, label);
    const { page } = await browser.toEnd(id);
    expect(page).not.toContain('failed');
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(4), left: 0 }]);
  }, 60_000);

  test('a first set without operations is not taken for the end of the batch', async () => {
    const label = newHandle('empty');
    const id = await browser.make([set(label, 0), set(`${label}-two`, 4, { 2: `gate ${label}` })]);
    // The process is there before a page looks, as with a browser that has a page to load first.
    await browser.start(id);
    await waitFor(async () => (await sights.begun(`${label}-two`)).includes(2), {
      what: 'the operation behind the gate',
    });
    expect(Number((await browser.poll(id)).percentage)).toBeLessThan(100);
    await openGate(bench.site, label);
    await browser.toEnd(id);
    expect(await sights.begun(`${label}-two`)).toEqual(numbers(4));
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: [] },
      { success: true, results: numbers(4) },
    ]);
  }, 60_000);

  test('messages that the database cannot hold take no process with them', async () => {
    const label = newHandle('odd');
    const id = await browser.make([
      set(label, 6, { 2: 'odd sign', 3: 'odd bytes', 4: 'odd long', 6: `gate ${label}` }),
    ]);
    await browser.start(id);
    await waitFor(async () => (await sights.begun(label)).includes(6), { what: 'the operation behind the gate' });
    await openGate(bench.site, label);
    await browser.toEnd(id);
    expect(await sights.begun(label)).toEqual(numbers(6));
    const of = bench.daemon.lines.filter((line) => line['handle'] === `background_batch:${id}`);
    expect(of.filter((line) => line.event === 'run.claimed')).toHaveLength(1);
  }, 60_000);

  test('what is not there fails with a sentence, and nothing goes on for ever', async () => {
    const [missing, callback] = [newHandle('missing'), newHandle('callback')];
    const one = await browser.make([{ ...set(missing, 3), function: 'drupald_fixture_is_gone' }]);
    await browser.start(one);
    const { page } = await browser.toEnd(one);
    expect(page).toContain('There is no function drupald_fixture_is_gone');
    expect(await sights.overs(missing)).toMatchObject([{ success: false, results: [], left: 3 }]);
    const two = await browser.make([
      { ...set(callback, 3), finished: 'drupald_fixture_is_gone' },
      set(`${callback}-two`, 2),
    ]);
    await browser.start(two);
    await sights.finishedHere(two);
    expect(await sights.overs(callback)).toMatchObject([{ success: true, results: numbers(2) }]);
    expect(await browser.finish(two)).toContain('Set 1 is over');
  }, 60_000);

  const starts = (id: number): unknown[] =>
    bench.daemon.lines.filter((line) => line.event === 'batch.resumed' && line['batch'] === id);
  const told = (id: number): Promise<unknown> =>
    bench.daemon.logged((line) => line.event === 'batch.not-started' && line['batch'] === id, 'what is the matter');

  test('a batch whose row cannot be read is told, and left alone', async () => {
    const [torn, odd] = [newHandle('torn'), newHandle('odd')];
    const ids = [await browser.make([set(torn, 3)]), await browser.make([set(odd, 3)])];
    const [one = 0, two = 0] = ids;
    await bench.site.sql('UPDATE {batch} SET batch = LEFT(batch, 200) WHERE bid = ?', [one]);
    await bench.site.php(
      '$batch = unserialize(db_query("SELECT batch FROM {batch} WHERE bid = :bid", array(":bid" => $args))->fetchField());' +
        ' $batch["current_set"] = 7;' +
        ' db_update("batch")->fields(array("batch" => serialize($batch)))->condition("bid", $args)->execute();',
      two,
    );
    for (const id of ids) {
      await bench.site.php('progress_initialize_progress("_background_batch:" . $args, "");', id);
      expect(JSON.stringify(await told(id))).toContain('cannot be read');
      expect(starts(id)).toEqual([]);
      await bench.site.sql('DELETE FROM {progress} WHERE name = ?', [`_background_batch:${id}`]);
    }
  }, 60_000);

  test('a page that opens the end while the daemon takes it: the callbacks are called once', async () => {
    const label = newHandle('both');
    const id = await browser.make([set(label, 2)]);
    await browser.start(id);
    // As the page of the end does it, but slower between its first two statements.
    const caller = await bench.site.caller();
    await caller.php(
      '$query = "SELECT batch FROM {batch} WHERE bid = :bid"; $of = array(":bid" => $args);' +
        ' do { usleep(20000); $row = progress_get_progress("_background_batch:" . $args); } while ($row->progress < 1);' +
        ' $data = db_query($query, $of)->fetchField();' +
        ' do { usleep(20000); } while (db_query($query, $of)->fetchField() === $data);' +
        ' require_once DRUPAL_ROOT . "/includes/batch.inc"; $batch = &batch_get(); $batch = unserialize($data);' +
        ' $batch["redirect_callback"] = ""; $batch["form_state"]["no_redirect"] = TRUE;' +
        ' progress_remove_progress("_background_batch:" . $args); _batch_finished(); return TRUE;',
      id,
    );
    await waitFor(
      async () =>
        (await bench.site.sql('SELECT 1 FROM {background_process} WHERE handle = ?', [`drupald_batch:${id}`]))
          .length === 0,
      { what: 'the process that finishes it to end' },
    );
    expect(await sights.overs(label)).toHaveLength(1);
  }, 60_000);

  test('a batch whose starter is gone does not go on for ever, and the log says why', async () => {
    const label = newHandle('orphan');
    const id = await browser.make([set(label, 4, { 2: `gate ${label}` })]);
    await browser.start(id);
    const worker = await sights.workerAt(label, 2);
    const handle = `background_batch:${id}`;
    await bench.daemon.kill9();
    process.kill(worker, 'SIGKILL');
    await bench.site.php(
      `$stored = unserialize(db_query('SELECT batch FROM {batch} WHERE bid = :bid', array(':bid' => $args))->fetchField());
      $stored['uid'] = 4711;
      db_update('batch')->fields(array('batch' => serialize($stored)))->condition('bid', $args)->execute();
      return TRUE;`,
      id,
    );
    await bench.restart({ config });
    const ended = await bench.daemon.logged(
      (line) => line.event === 'run.ended' && line['handle'] === handle && line['outcome'] === 'refused',
      'the end of its process',
    );
    expect(ended['sentence']).toContain('does not exist');
    // Time enough for another one, as another batch shows.
    const other = await browser.make([set(`${label}-other`, 3)]);
    await browser.start(other);
    await sights.finishedHere(other);
    const resumed = bench.daemon.lines.filter((line) => line.event === 'batch.resumed' && line['batch'] === id);
    expect(resumed).toHaveLength(1);
    expect(await sights.begun(label)).toEqual([1, 2]);
  }, 60_000);

  /** How often each operation began that began more than once. */
  const repeated = async (label: string): Promise<[number, number][]> => {
    const counts = new Map<number, number>();
    for (const number of await sights.begun(label)) counts.set(number, (counts.get(number) ?? 0) + 1);
    return [...counts].filter(([, count]) => count > 1);
  };

  test('the database is away while an operation works: what was saved does not run again, and all is done', async () => {
    const label = newHandle('away');
    const id = await browser.make([set(label, 12, { 2: 'pause 1100', 4: 'pause 1500' }), set(`${label}-two`, 3)]);
    await browser.start(id);
    await waitFor(async () => (await sights.begun(label)).includes(4), { what: 'the operation that takes its time' });
    await bench.site.server.stop();
    await bench.site.server.restart();
    await sights.finishedHere(id);
    // The second operation was saved when it was done; what followed may have been lost with the database.
    const again = await repeated(label);
    expect(again.filter(([number, count]) => number < 3 || number > 4 || count !== 2)).toEqual([]);
    expect(await sights.overs(label)).toMatchObject([
      { success: true, results: numbers(12), left: 0 },
      { success: true, results: numbers(3), left: 0 },
    ]);
  }, 60_000);

  test('the database is started anew between operations, and away for a while: no result is lost', async () => {
    const label = newHandle('anew');
    const moods = Object.fromEntries(numbers(40).map((number) => [number, 'pause 50']));
    // Over the web server: a helper of the tests has lost its connection, too.
    const id = await browser.begin([set(label, 40, moods)]);
    await browser.start(id);
    for (const [reached, away] of [
      [10, 0],
      [30, 1500],
    ] as const) {
      await waitFor(async () => (await sights.begun(label).catch((): number[] => [])).includes(reached), {
        what: `operation ${reached}`,
      });
      await bench.site.server.stop();
      await pause(away);
      await bench.site.server.restart();
    }
    await sights.finishedHere(id);
    expect(Math.max(0, ...(await repeated(label)).map(([, count]) => count))).toBeLessThan(3);
    expect(await sights.overs(label)).toMatchObject([{ success: true, results: numbers(40), left: 0 }]);
  }, 60_000);
});
