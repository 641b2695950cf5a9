import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { detail, event } from '../harness/fixture-log.js';
import { filesBelow } from '../harness/run-logs.js';
import { finished, runToEnd } from '../harness/run.js';
import { sights, sightsAt, type Sights } from '../harness/sights.js';
import { waitFor } from '../harness/wait.js';

describeSites('a worker that runs many', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1, isolation: 'shared' } });

  /** Looks around until the same worker has run twice. */
  const untilShared = async (): Promise<Sights> => {
    let before = -1;
    return waitFor(
      async () => {
        const seen = await sights(bench);
        const same = seen.pid === before;
        before = seen.pid;
        return same ? seen : undefined;
      },
      { what: 'a worker to run twice', seen: () => bench.daemon.output.slice(-2000) },
    );
  };

  test('gives each run the request of its own start', async () => {
    await untilShared();
    const runs: Sights[] = [];
    for (let i = 0; i < 6; i += 1) {
      runs.push(await sights(bench, { uid: i % 2 === 0 ? 0 : 3 }));
    }
    expect(new Set(runs.map(({ pid }) => pid)).size).toBeLessThan(6);
    for (const [i, seen] of runs.entries()) {
      const path = `bgp-start/${seen.handle}/`;
      for (const shown of [seen.requestPath, seen.bootPath, seen.initPath]) {
        expect(shown.slice(0, path.length)).toBe(path);
      }
      expect(seen.uid).toBe(i % 2 === 0 ? 0 : 3);
      expect(seen.session).toEqual([]);
    }
  });

  test('leaves when a run has left traces', async () => {
    for (let i = 0; i < 4; i += 1) {
      await untilShared();
      await runToEnd(bench, 'drupald_fixture_leaves_traces');
      const run = await runToEnd(bench, 'drupald_fixture_finds_traces');
      expect(detail(await event(bench.site, run.handle, 'found'))).toEqual([]);
    }
    const told = await bench.daemon.logged(
      (line) => line.event === 'run.leaked' && line['banned'] === true,
      'run.leaked',
    );
    expect(told).toMatchObject({ callback: 'drupald_fixture_leaves_traces' });
    await untilShared();
    const { handle } = await runToEnd(bench, 'drupald_fixture_leaves_traces');
    const dispatched = bench.daemon.lines.find((line) => line.event === 'run.dispatched' && line['handle'] === handle);
    expect(dispatched?.['isolation']).not.toBe('shared');
  });

  test('sees a variable that changed a moment ago', async () => {
    for (const value of ['first', 'second', 'third']) {
      await untilShared();
      await bench.site.variable('drupald_fixture_variable', value);
      expect((await sights(bench)).variable).toBe(value);
    }
  });

  test('keeps shutdown functions, locks and output with their run', async () => {
    await untilShared();
    for (let i = 0; i < 3; i += 1) {
      await runToEnd(bench, 'drupald_fixture_prints', [10]);
      const logs = (await filesBelow(join(bench.daemon.stateDir, 'runs'))).filter(
        ({ path }) => !path.includes('shared-'),
      );
      const printed = logs.filter(({ text }) => text.includes('printed by the callback'));
      expect(printed).toHaveLength(i + 1);
      // Programs of a run and what it writes to the constants for its descriptors.
      for (const { text } of printed) {
        expect(text.split('inherited by a program')).toHaveLength(2);
        expect(text.split('stdout of the callback')).toHaveLength(2);
      }
      const down = await runToEnd(bench, 'drupald_fixture_shuts_down');
      await event(bench.site, down.handle, 'shutdown');
      const locked = await runToEnd(bench, 'drupald_fixture_locks', [`shared-${i}`, 'return']);
      expect(locked.ended['outcome']).toBe('completed');
      expect(await bench.site.sql('SELECT name FROM {semaphore}')).toEqual([]);
    }
  });

  test('follows a chain and many in a row', async () => {
    await untilShared();
    const handles = await bench.caller.startMany(
      Array.from({ length: 100 }, () => ({ callback: 'drupald_fixture_mark', args: ['many'] })),
    );
    for (const handle of handles) {
      expect((await finished(bench, String(handle))).ended['outcome']).toBe('completed');
    }
  });

  test('another address of the site gets workers of its own', async () => {
    const host = new URL(bench.site.uris[0] ?? '').host;
    const one = await sightsAt(bench, host, '', { headers: ['Accept-Language: da'] });
    expect(one.server['HTTP_ACCEPT_LANGUAGE']).toBe('da');
    expect((await sights(bench)).server['HTTP_ACCEPT_LANGUAGE']).toBeUndefined();
  });
});
