import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { ask } from '../harness/history.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { processes, queueSite, work } from '../harness/queue-site.js';
import { readRow } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('queues', ['real'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 6 } });

  const config = (): string => join(bench.suite.folder, `queues-${bench.daemon.port}.yml`);

  beforeAll(async () => {
    await writeFile(config(), 'queues: { attempts: 3, pause: 200 ms, lease: 3 s }\n');
    await bench.restart({ config: config() });
  }, 60_000);

  const { enqueue, queueProcess, rows, failed, count, onlyAside, toldEnough, list } = queueSite(bench);

  test('every item runs once; one that fails, in whatever way, is tried again, then set aside', async () => {
    const good = Array.from({ length: 30 }, (_, index) => `good-${index}`);
    const bad = ['throw', 'error', 'fatal', 'exit', 'kill'];
    await enqueue(work, [
      ...bad.map((mood) => [`bad-${mood}`, mood] as const),
      ...good.map((label) => [label, ''] as const),
    ]);
    const nightmares = ['throw', 'kill'];
    for (const how of nightmares) {
      await bench.site.php('drupald_fixture_enqueue_nightmare($args[0], $args[1], $args[2]); return TRUE;', [
        work,
        `nightmare-${how}`,
        how,
      ]);
    }
    const aside = await onlyAside(work, bad.length + nightmares.length);
    for (const label of good) {
      const sights = (await events(bench.site, label, 'work')).map(detail);
      expect(sights, label).toEqual([{ uid: 0, saves: false, session: 0, ours: true }]);
      expect(await count(label, 'worked')).toBe(1);
    }
    for (const mood of bad) {
      expect(await count(`bad-${mood}`, 'work'), mood).toBe(3);
    }
    const reasons = aside.map(({ reason }) => reason).join('\n');
    for (const words of ['the item of the fixture throws', 'does_not_exist', 'fatal PHP error', 'exit()', 'SIGKILL']) {
      expect(reasons).toContain(words);
    }
    // Also what fails while its data is read.
    expect(aside.map(({ failures }) => failures)).toEqual([...bad, ...nightmares].map(() => 3));
  }, 60_000);

  test('what is set aside runs again when it is told to, and goes when it is dropped', async () => {
    const items = await failed(work);
    const shown = await ask(bench, 'queue', 'show', work, '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({
      queue: work,
      items: items.map(() => ({ aside: true, failures: 3 })),
    });
    const [one, two] = items.map(({ id }) => String(id)) as [string, string];
    expect((await ask(bench, 'queue', 'drop', work, one)).stdout).toContain('1 item removed');
    expect((await rows(work)).map(({ item_id: id }) => String(id))).not.toContain(one);
    await bench.site.variable('drupald_fixture_mended', true);
    expect((await ask(bench, 'queue', 'retry', work, two)).stdout).toContain('1 item may run again');
    await waitFor(async () => (await rows(work)).length === items.length - 2, { what: 'one to run' });
    expect((await ask(bench, 'queue', 'retry', work)).stdout).toContain(`${items.length - 2} items may run again`);
    await onlyAside(work, 0);
    await bench.site.variable('drupald_fixture_mended', false);
    const refused = await Promise.all([
      ask(bench, 'queue', 'retry', work, one),
      ask(bench, 'queue', 'drop', work),
      ask(bench, 'queue', 'show', 'nothing'),
    ]);
    expect(refused.map(({ stderr }) => /\[DRUPALD_(\w+)\]/.exec(stderr)?.[1])).toEqual([
      'QUEUE_ITEM_UNKNOWN',
      'OPTION_INVALID',
      'QUEUE_UNKNOWN',
    ]);
  }, 60_000);

  test('processes that were queued run as their owners; one without owner is refused, and told', async () => {
    const [owner] = await bench.site.sql<{ uid: number }>("SELECT uid FROM {users} WHERE name = 'owner'");
    const uid = owner?.uid ?? NaN;
    const [own, static_, orphan, exits, throws, dies, loses] = Array.from({ length: 7 }, () => newHandle('queued'));
    await queueProcess(own!, 'drupald_fixture_environment', [], uid);
    await queueProcess(static_!, 'DrupaldFixtureCallbacks::statically', ['x']);
    await queueProcess(orphan!, 'drupald_fixture_mark', [], 999_999);
    await queueProcess(exits!, 'drupald_fixture_exits', [0]);
    await queueProcess(throws!, 'drupald_fixture_throws', []);
    await queueProcess(dies!, 'drupald_fixture_signal', [9]);
    await queueProcess(loses!, 'drupald_fixture_ends_without_database', []);
    expect(detail(await event(bench.site, own!, 'environment'))).toMatchObject({ uid });
    expect(await shutdowns(bench.site, static_!)).toMatchObject([{ message: null }]);
    expect(await count(static_!, 'static_method')).toBe(1);
    expect((await shutdowns(bench.site, orphan!)).map(({ message }) => message)).toEqual([
      'The process was not started: its owner, user 999999, does not exist.',
    ]);
    expect(await shutdowns(bench.site, exits!)).toMatchObject([{ message: null }]);
    const aside = await onlyAside(processes, 2);
    expect(await count(exits!, 'before')).toBe(1);
    // It had come to its end: that the module could not write that down is no reason to run it again.
    expect(await count(loses!, 'before')).toBe(1);
    expect(await shutdowns(bench.site, loses!)).toMatchObject([{ message: null }]);
    expect(await count(dies!, 'before')).toBe(3);
    expect(aside.map(({ reason }) => reason).join('\n')).toContain('The fixture throws');
    expect((await ask(bench, 'queue', 'drop', processes, '--all')).stdout).toContain('2 items removed');
    for (const handle of [throws!, dies!]) {
      const told = (await shutdowns(bench.site, handle)).at(-1);
      expect(told?.message).toContain('was dropped from the queue');
    }
    await nothingLeft(bench.site, bench.daemon);
  }, 60_000);

  test('an item that takes longer than its lease keeps it, beside cron of others and of ours', async () => {
    await enqueue(work, [
      ['long', 'gate long'],
      ['behind', ''],
    ]);
    await event(bench.site, 'long', 'work');
    const lease = async (): Promise<number> =>
      Math.min(...(await rows(work)).map(({ expire }) => expire).filter((expire) => expire > 0));
    const first = await lease();
    // It waits for a second worker, which there is not: our own cron must not take it.
    expect((await ask(bench, 'cron', 'run', 'cron')).code).toBe(0);
    await bench.daemon.logged(
      (line) => line.event === 'run.ended' && line['handle'] === 'drupald_cron',
      'the end of cron',
    );
    expect(await count('behind', 'work')).toBe(0);
    await waitFor(async () => (await lease()) > first + 4, { what: 'the lease to be renewed', seen: lease });
    await bench.site.php('return drupal_cron_run();');
    await openGate(bench.site, 'long');
    await onlyAside(work, 0);
    for (const label of ['long', 'behind']) {
      expect([await count(label, 'work'), await count(label, 'worked')], label).toEqual([1, 1]);
    }
  }, 60_000);

  test('the item of a daemon that was killed goes on, and the next one renews its lease', async () => {
    await enqueue(work, [['adopted', 'gate adopted']]);
    const exits = newHandle('exits');
    await queueProcess(exits, 'drupald_fixture_exits_behind_gate', [exits]);
    await event(bench.site, 'adopted', 'work');
    const { pid } = await event(bench.site, exits, 'gate');
    const closing = newHandle('closing');
    await queueProcess(closing, 'drupald_fixture_gate', [closing]);
    const worker = await event(bench.site, closing, 'gate');
    const before = (await rows(work))[0]?.expire ?? NaN;
    await bench.daemon.kill9();
    // This one ends while nobody is there, and its lease does, as cron of the site ends it.
    await openGate(bench.site, exits);
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    await bench.site.sql('UPDATE {queue} SET expire = 0 WHERE name = ? ORDER BY item_id LIMIT 1', [processes]);
    // And this one takes no further item: nobody would renew its lease.
    const behind = newHandle('behind');
    await queueProcess(behind, 'drupald_fixture_mark', ['behind']);
    await openGate(bench.site, closing);
    await waitFor(() => isDead(worker.pid), { what: 'the other worker to end' });
    expect([await count(closing, 'passed'), await count(behind, 'mark')]).toEqual([1, 0]);
    await bench.restart({ config: config() });
    await waitFor(async () => ((await rows(work))[0]?.expire ?? NaN) > before + 2, { what: 'its lease to be renewed' });
    await openGate(bench.site, 'adopted');
    await onlyAside(work, 0);
    expect(await count('adopted', 'worked')).toBe(1);
    await onlyAside(processes, 0);
    expect(await shutdowns(bench.site, exits)).toMatchObject([{ message: null }]);
    expect(await count(exits, 'gate')).toBe(1);
    expect(await count(behind, 'mark')).toBe(1);
  }, 60_000);

  test('nothing is lost or doubled while workers die and somebody else drains the same queue', async () => {
    const labels = Array.from({ length: 200 }, (_, index) => `crowd-${index}`);
    await enqueue(
      work,
      labels.map((label, index) => [label, index % 25 === 0 ? 'kill-once' : 'slow'] as const),
    );
    await event(bench.site, 'crowd-0', 'work');
    const left = async (): Promise<number> => (await rows(work)).length;
    while ((await left()) > 0) {
      await bench.site.php('return drupal_cron_run();');
    }
    const ran = await bench.site.sql<{ handle: string; n: number }>(
      "SELECT handle, COUNT(*) AS n FROM {drupald_fixture_log} WHERE what = 'worked' AND handle LIKE 'crowd-%' GROUP BY handle",
    );
    expect(ran.map(({ handle }) => handle).sort()).toEqual([...labels].sort());
    expect(ran.filter(({ n }) => n !== 1)).toEqual([]);
    // Both have had their part, and some have died.
    const sights = (await events(bench.site, undefined, 'work')).filter(({ handle }) => handle.startsWith('crowd-'));
    expect(new Set(sights.map((sight) => (detail(sight) as { ours: boolean }).ours))).toEqual(new Set([true, false]));
    expect(sights.length).toBeGreaterThan(labels.length);
    await nothingLeft(bench.site, bench.daemon);
  }, 60_000);

  test('a daemon that is stopped lets workers end their items, and no further one is taken', async () => {
    const kept = ['kept-1', 'kept-2', 'kept-3'];
    await enqueue(work, [['last', 'gate last'], ...kept.map((label) => [label, ''] as const)]);
    await event(bench.site, 'last', 'work');
    bench.daemon.terminate();
    await toldEnough('the daemon stops');
    await openGate(bench.site, 'last');
    expect(await bench.daemon.exited()).toBe(0);
    expect(await count('last', 'worked')).toBe(1);
    expect((await rows(work)).map(({ expire }) => expire)).toEqual(kept.map(() => 0));
    await nothingLeft(bench.site);
    await bench.restart({ config: config() });
    await onlyAside(work, 0);
    for (const label of kept) {
      expect(await count(label, 'work'), label).toBe(1);
    }
  }, 60_000);

  test('where there is one worker for all queues, one ends behind its item when another queue has work', async () => {
    await bench.restart({ config: config(), slots: 2 });
    await enqueue(work, [
      ['hog', 'gate hog'],
      ['hog again', ''],
    ]);
    await event(bench.site, 'hog', 'work');
    const guest = newHandle('guest');
    await queueProcess(guest, 'drupald_fixture_mark', ['guest']);
    await toldEnough('another queue has none');
    await openGate(bench.site, 'hog');
    const [first, second] = [await event(bench.site, guest, 'mark'), await event(bench.site, 'hog again', 'work')];
    expect(first.at).toBeLessThan(second.at);
    await bench.restart({ config: config() });
  }, 60_000);

  test('a queue that cron has to skip is left alone, and told', async () => {
    await enqueue('drupald_fixture_skipped', [['skipped', '']]);
    await enqueue(work, [['beside', '']]);
    await event(bench.site, 'beside', 'worked');
    const queues = await list();
    expect(queues.find(({ queue }) => queue === 'drupald_fixture_skipped')).toMatchObject({
      leftAlone: 'skip on cron',
      waiting: 1,
    });
    expect(queues.find(({ queue }) => queue === work)).toMatchObject({ leftAlone: null, slots: 1 });
    expect(await count('skipped', 'work')).toBe(0);
    // One that is worked off and becomes such keeps its worker for the present item only.
    await enqueue(work, [
      ['present', 'gate present'],
      ['next', ''],
    ]);
    const { pid } = await event(bench.site, 'present', 'work');
    await bench.site.variable('drupald_fixture_skips_work', true);
    // The first is no sign of other queues; this one is.
    await bench.site.variable('queue_class_drupald_fixture', 'SystemQueue');
    await toldEnough('skip on cron');
    await openGate(bench.site, 'present');
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    expect([await count('present', 'worked'), await count('next', 'work')]).toEqual([1, 0]);
    await bench.site.variable('drupald_fixture_skips_work', false);
  }, 60_000);

  test('a queue that the configuration leaves to the site waits, and runs once it is ours', async () => {
    const file = join(bench.suite.folder, `left-${bench.daemon.port}.yml`);
    await writeFile(file, `queues: { slots: { ${processes}: 0 } }\n`);
    await bench.restart({ config: file });
    const handle = newHandle('left');
    await queueProcess(handle, 'drupald_fixture_mark', ['left']);
    await enqueue(work, [['beside it', '']]);
    await event(bench.site, 'beside it', 'worked');
    const queues = await list();
    expect(queues.find(({ queue }) => queue === processes)).toMatchObject({
      leftAlone: expect.any(String),
      waiting: 1,
    });
    expect(await events(bench.site, handle, 'mark')).toEqual([]);
    await bench.restart({ config: config() });
    await event(bench.site, handle, 'mark');
    await nothingLeft(bench.site, bench.daemon);
  });

  test('a queue of another class is worked off by its own interface, and pauses as a whole after a failure', async () => {
    const classes = { elsewhere: 'DrupaldFixtureQueue', fleeting: 'MemoryQueue', of_batches: 'BatchQueue' };
    for (const [name, its] of Object.entries(classes)) {
      await bench.site.variable(`queue_class_drupald_fixture_${name}`, its);
    }
    const far = 'drupald_fixture_elsewhere';
    const left = (): Promise<{ lease: number }[]> =>
      bench.site.sql('SELECT lease FROM {drupald_fixture_queue} WHERE name = ?', [far]);
    await bench.site.php('DrupalQueue::get($args)->createQueue(); return TRUE;', far);
    await enqueue(far, [
      ['far-throw', 'throw'],
      ['far-1', ''],
      ['far-exit', 'exit'],
      ['far-2', ''],
    ]);
    // Also the queue of Background Process may be kept so.
    await bench.site.variable(`queue_class_${processes}`, 'DrupaldFixtureQueue');
    // Another process for the errands: Drupal never asks twice in one how a queue is kept.
    await bench.site.configure({});
    const [marks, dies] = [newHandle('marks'), newHandle('dies')];
    await queueProcess(marks, 'drupald_fixture_mark', ['far']);
    await queueProcess(dies, 'drupald_fixture_signal', [9]);
    const file = join(bench.suite.folder, `patient-${bench.daemon.port}.yml`);
    await writeFile(file, 'queues: { pause: 5 min }\n');
    await bench.restart({ config: file });
    await event(bench.site, 'far-1', 'worked');
    const paused = await waitFor(async () => (await list()).find((one) => one['queue'] === far && one['pausedUntil']), {
      what: 'it to pause',
    });
    expect(paused).toMatchObject({ backend: 'DrupaldFixtureQueue', leftAlone: null, waiting: null, aside: null });
    expect((await list()).map(({ queue, leftAlone, backend }) => [queue, leftAlone, backend])).toEqual(
      expect.arrayContaining([
        ['drupald_fixture_fleeting', 'gone with each request', 'MemoryQueue'],
        ['drupald_fixture_of_batches', 'of batches', 'BatchQueue'],
        [work, null, 'SystemQueue'],
      ]),
    );
    await bench.daemon.logged(
      (line) => line.event === 'queue.paused' && String(line['reason']).includes('exit()'),
      'the reason of the pause',
    );
    await bench.site.variable('drupald_fixture_mended', true);
    expect((await ask(bench, 'queue', 'retry', far)).stdout).toContain('its pause is over');
    await event(bench.site, 'far-throw', 'worked');
    await event(bench.site, 'far-2', 'worked');
    expect(await count('far-throw', 'work')).toBe(2);
    for (const label of ['far-1', 'far-2', 'far-exit']) {
      expect(await count(label, 'work'), label).toBe(1);
    }
    // What its worker died in is still claimed, and nothing else is there.
    await waitFor(async () => (await left()).length === 1, { what: 'the rest to be removed', seen: left });
    expect(await left()).toEqual([{ lease: 3_600 }]);
    await bench.site.variable('drupald_fixture_mended', false);
    // A process that its worker died in waits for its item to come again.
    await event(bench.site, marks, 'mark');
    await event(bench.site, dies, 'before');
    expect([await count(marks, 'mark'), await count(dies, 'before')]).toEqual([1, 1]);
    await waitFor(async () => (await readRow(bench.site, dies))?.exec_status === 3, { what: 'it to wait again' });
    await bench.site.variable(`queue_class_${processes}`, null);
    await bench.site.configure({});
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [dies]);
    await bench.site.sql('DELETE FROM {progress} WHERE name = ?', [dies]);
    await bench.restart({ config: config() });
  }, 60_000);

  test('after a detach workers end their items, and the rest is left to cron of the site', async () => {
    await enqueue(work, [
      ['kept', 'gate kept'],
      ['given back', ''],
    ]);
    const { pid } = await event(bench.site, 'kept', 'work');
    expect((await ask(bench, 'detach')).code).toBe(0);
    await toldEnough('detached');
    await openGate(bench.site, 'kept');
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    const queues = await list();
    expect(queues.find(({ queue }) => queue === work)).toMatchObject({ leftAlone: 'detached', waiting: 1, claimed: 0 });
    await bench.site.php('return drupal_cron_run();');
    const sight = detail(await event(bench.site, 'given back', 'work')) as { ours: boolean };
    expect([await count('kept', 'worked'), sight.ours]).toEqual([1, false]);
    await nothingLeft(bench.site);
  });
});
