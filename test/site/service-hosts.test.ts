import { beforeAll, expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import type { LogLine } from '../harness/daemon.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events, openGate, shutdowns } from '../harness/fixture-log.js';
import { startUnder } from '../harness/pool.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

const hosts = ['urgent', 'nightly', 'apart', 'brief', 'again'];
const mark = 'drupald_fixture_mark';

describeSites('rules by service host', ['real'], (kind) => {
  const bench = prepareBench(kind, {
    daemon: {
      slots: 2,
      env: {
        DRUPALD_SERVICE_HOSTS_SLOTS: '{ nightly: 1 }',
        DRUPALD_SERVICE_HOSTS_PRIORITY: '{ "urg*": 10, nightly: -10 }',
        DRUPALD_SERVICE_HOSTS_ISOLATION: '{ apart: fresh }',
        DRUPALD_SERVICE_HOSTS_TIME: '{ brief: 1 s }',
        DRUPALD_SERVICE_HOSTS_RETRY: '{ again: { attempts: 2, pause: 10 ms, on: [threw] } }',
        DRUPALD_CALLBACKS_ISOLATION: '{ drupald_fixture_noop: process }',
        DRUPALD_CALLBACKS_TIME: '{ drupald_fixture_gate: 1 h }',
        DRUPALD_KILL_GRACE: '500 ms',
      },
    },
  });

  beforeAll(async () => {
    const address = { base_url: `http://127.0.0.1:${bench.daemon.port}`, http_host: 'site.test' };
    const all = Object.fromEntries(['default', ...hosts].map((name) => [name, address]));
    await bench.site.configure({ conf: { background_process_service_hosts: all } });
  }, 60_000);

  const start = async (host: string, callback: string, args: readonly unknown[] = []): Promise<string> => {
    const handle = newHandle(host);
    expect(await startUnder(bench.site, host, callback, [handle], args)).toEqual([true]);
    return handle;
  };
  const said = (name: string, handle: string): LogLine[] =>
    bench.daemon.lines.filter((line) => line.event === name && line['handle'] === handle);
  const isolations = (handle: string): unknown[] => said('run.dispatched', handle).map((line) => line['isolation']);

  test('what waits goes by priority, and by age within one', async () => {
    const gates = [newHandle('gate'), newHandle('gate')];
    for (const gate of gates) {
      await bench.caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
      await event(bench.site, gate, 'gate');
    }
    const waiting: string[] = [];
    for (const host of ['nightly', 'default', 'urgent', 'nightly', 'default', 'urgent']) {
      const handle = await start(host, mark);
      await waitFor(async () => (await readRow(bench.site, handle))?.exec_status === 3, { what: `${handle} to wait` });
      waiting.push(handle);
    }
    // One slot: the other gate stays closed.
    await openGate(bench.site, gates[0] ?? '');
    for (const handle of waiting) await finished(bench, handle);
    const [low1, mid1, high1, low2, mid2, high2] = waiting;
    const marks = (await events(bench.site, undefined, 'mark')).map(({ handle }) => handle);
    expect(marks).toEqual([high1, high2, mid1, mid2, low1, low2]);
    await openGate(bench.site, gates[1] ?? '');
    await finished(bench, gates[1] ?? '');
  });

  test('a lower one runs where the higher ones have reached their slots', async () => {
    const gate = newHandle('gate');
    const first = await start('nightly', 'drupald_fixture_gate', [gate]);
    await event(bench.site, first, 'gate');
    const second = await start('nightly', mark);
    await waitFor(async () => (await readRow(bench.site, second))?.exec_status === 3, { what: 'the second to wait' });
    const other = await start('default', mark);
    await finished(bench, other);
    expect(await events(bench.site, second, 'mark')).toEqual([]);
    await openGate(bench.site, gate);
    await shutdowns(bench.site, second);
  });

  test('isolation is that of the service host, unless the callback has its own', async () => {
    const apart = await start('apart', mark);
    await finished(bench, apart);
    expect(isolations(apart)).toEqual(['fresh']);
    // A worker that is to be forked from a loaded site needs one: it comes up behind the first starts.
    await waitFor(
      async () => {
        const own = await start('apart', 'drupald_fixture_noop');
        await finished(bench, own);
        return isolations(own)[0] === 'process';
      },
      { what: 'a start of the callback to be forked' },
    );
  });

  test('a limit of time ends what the service host runs, and nothing that the callback allows or another host runs', async () => {
    const gate = newHandle('gate');
    const allowed = await start('brief', 'drupald_fixture_gate', [gate]);
    await event(bench.site, allowed, 'gate');
    const brief = await start('brief', 'drupald_fixture_stays', ['sleep']);
    const run = await finished(bench, brief);
    expect(run.ended).toMatchObject({ outcome: 'timed-out' });
    expect(run.shutdowns.map(({ message }) => message)).toEqual([expect.stringMatching(/ended after 1 s/)]);
    expect(await readRow(bench.site, allowed)).toMatchObject({ exec_status: 2 });
    await openGate(bench.site, gate);
    expect((await finished(bench, allowed)).ended).toMatchObject({ outcome: 'completed' });
  });

  test('what fails is begun again under the service host that says so, and under no other', async () => {
    const again = await start('again', 'drupald_fixture_throws', ['boom']);
    await finished(bench, again, 2);
    expect(said('run.claimed', again)).toHaveLength(2);
    expect(await shutdowns(bench.site, again)).toHaveLength(1);
    const once = await start('default', 'drupald_fixture_throws', ['boom']);
    await finished(bench, once);
    expect(said('run.claimed', once)).toHaveLength(1);
  });
});
