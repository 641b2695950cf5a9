import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { insertRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { post } from '../harness/wire.js';

describeSites('ends that are easily told wrong', [], (kind) => {
  const bench = prepareBench(kind);

  test.each([
    ['memory', 'out-of-memory'],
    ['fatal', 'fatal'],
  ])('a run that ends by %s inside a transaction is settled outside it', async (how, outcome) => {
    const run = await runToEnd(bench, 'drupald_fixture_ends_in_transaction', [how]);
    expect(run.ended).toMatchObject({ outcome });
    expect(run.shutdowns).toHaveLength(1);
    expect(run.shutdowns[0]?.message).toBe(run.ended['sentence']);
    expect(run.progress?.end_stamp).toBeGreaterThan(0);
    expect(run.watchdog).toHaveLength(1);
    await nothingLeft(bench.site);
  });

  test('a run that returns with a transaction open leaves nothing', async () => {
    const run = await runToEnd(bench, 'drupald_fixture_ends_in_transaction', ['plain']);
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    await nothingLeft(bench.site);
  });

  test('a callback that closes Drupal’s connections completes', async () => {
    const run = await runToEnd(bench, 'drupald_fixture_closes_connections');
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    expect(run.shutdowns).toMatchObject([{ message: null }]);
    expect(run.watchdog).toEqual([]);
    await nothingLeft(bench.site);
  });

  test('a callback that closes every stream of PHP completes', async () => {
    const run = await runToEnd(bench, 'drupald_fixture_closes_all_streams');
    expect(run.shutdowns).toHaveLength(1);
    await nothingLeft(bench.site);
  });

  test('files that a callback leaves open keep their content', async () => {
    const file = join(tmpdir(), `${newHandle('file')}.gz`);
    await runToEnd(bench, 'drupald_fixture_leaves_files_open', [file]);
    expect(gunzipSync(await readFile(file)).toString()).toBe('hello');
    await rm(file);
  });

  test('a process that a callback forks does not end the run', async () => {
    const run = await runToEnd(bench, 'drupald_fixture_forks');
    expect(detail(await event(bench.site, run.handle, 'forked'))).toEqual({ code: 0, status: 2 });
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    expect(run.shutdowns).toMatchObject([{ message: null }]);
    await nothingLeft(bench.site);
  });

  test('a token in the wrong place of an address is in no log and no answer', async () => {
    const handle = newHandle('misplaced');
    const token = await insertRow(bench.site, { handle });
    const answer = await post(bench.daemon.port, `/bgp-start/${handle}%2F${token}`);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain(token);
    expect(bench.daemon.output).not.toContain(token);
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [handle]);
  });

  test('work of a site that ends every request waits until it does not', async () => {
    const handle = newHandle('patient');
    // Requests of a web server, so that the caller of the tests is left alone.
    await bench.site.configure({ extra: "if (isset($_SERVER['GATEWAY_INTERFACE'])) { exit; }" });
    const token = await insertRow(bench.site, { handle });
    await post(bench.daemon.port, `/bgp-start/${handle}/${token}`);
    await bench.daemon.logged((line) => line.event === 'site.cannot-boot', 'site.cannot-boot');
    expect(await events(bench.site, handle, 'mark')).toEqual([]);
    await bench.site.configure({ extra: '' });
    await event(bench.site, handle, 'mark');
    await finished(bench, handle);
  });
});
