import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { prepareBench } from '../harness/bench.js';
import { Daemon, newStateDir } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { detail, event, events, openGate } from '../harness/fixture-log.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';

describeSites('a daemon that is killed', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 4 } });

  /** A process that waits behind its gate; its worker's process id. */
  async function behindGate(end = 'return'): Promise<{ handle: string; pid: number }> {
    const handle = newHandle(`gate-${end}`);
    await bench.caller.startLocked(handle, 'drupald_fixture_gate', [handle, end]);
    const { pid } = await event(bench.site, handle, 'gate');
    return { handle, pid };
  }

  const ends = [
    ['return', undefined, 'completed'],
    ['throw', /The fixture throws behind its gate/, 'threw'],
    // The worker tells the hook itself, because nobody may come; only its parent learns the code.
    ['exit', /ended by exit\(\)/, 'exited'],
    ['kill', /SIGKILL/, 'signalled'],
  ] as const;

  test.each(ends)('what runs meanwhile is adopted, and its end is told: %s', async (end, message, outcome) => {
    const { handle, pid } = await behindGate(end);
    await bench.daemon.kill9();
    await bench.restart();
    await waitFor(async () => JSON.stringify(await bench.daemon.ps()).includes(handle), {
      what: 'ps to show the run',
    });
    expect(isDead(pid)).toBe(false);
    await openGate(bench.site, handle);
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe(outcome);
    expect(run.shutdowns.map((call) => call.message)).toEqual([message ? expect.stringMatching(message) : null]);
    expect(await events(bench.site, handle, 'passed')).toHaveLength(1);
    expect(await readRow(bench.site, handle)).toBeUndefined();
    await nothingLeft(bench.site);
  });

  test.each(ends)('what ends while nobody is there is settled with its cause: %s', async (end, message, outcome) => {
    const { handle, pid } = await behindGate(end);
    await bench.daemon.kill9();
    await openGate(bench.site, handle);
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    await bench.restart();
    const run = await finished(bench, handle);
    expect(run.ended['outcome']).toBe(outcome);
    expect(run.shutdowns.map((call) => call.message)).toEqual([message ? expect.stringMatching(message) : null]);
    expect(await events(bench.site, handle, 'passed')).toHaveLength(1);
    await nothingLeft(bench.site);
  });

  test('a run that had removed its own row and is killed meanwhile leaves no progress open', async () => {
    const handle = newHandle('unlocks');
    await bench.caller.startLocked(handle, 'drupald_fixture_unlocks_and_gates', [handle]);
    const { pid } = await event(bench.site, handle, 'gate');
    await bench.daemon.kill9();
    process.kill(pid, 'SIGKILL');
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    await bench.restart();
    const run = await finished(bench, handle);
    expect(run.shutdowns).toHaveLength(1);
    expect(run.progress).toMatchObject({ message: run.ended['sentence'] });
    await nothingLeft(bench.site);
  });

  test('killed again and again, nothing is lost and nothing runs twice', async () => {
    const held = [await behindGate(), await behindGate('exit')];
    const marks = Array.from({ length: 20 }, () => newHandle('mark'));
    const killings = (async () => {
      for (let round = 0; round < 3; round += 1) {
        await bench.daemon.kill9();
        await bench.restart();
      }
    })();
    for (const handle of marks) {
      // A refused connection is the site's to answer for: it deletes the row and tells its caller.
      await bench.caller.startLocked(handle, 'drupald_fixture_mark', [handle]).catch(() => undefined);
    }
    await killings;
    for (const { handle } of held) {
      await openGate(bench.site, handle);
    }
    await nothingLeft(bench.site, bench.daemon);
    for (const handle of [...marks, ...held.map((one) => one.handle)]) {
      expect((await events(bench.site, handle, 'mark')).length).toBeLessThanOrEqual(1);
      expect((await events(bench.site, handle, 'shutdown')).length).toBeLessThanOrEqual(1);
    }
    for (const { handle } of held) {
      expect((await events(bench.site, handle, 'shutdown')).map((one) => detail(one))).toHaveLength(1);
    }
  });
});

describeSites('a listening socket of a service manager', [], (kind) => {
  let suite: Suite;
  let site: BootedSite;
  let daemons: Daemon[];

  beforeAll(async () => {
    suite = await openSuite();
    site = await suite.site(kind);
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    await site.setServiceHost(`http://127.0.0.1:${port}`, 'site.test');
    const listener = (server as unknown as { _handle: { fd: number } })._handle.fd;
    const stateDir = await newStateDir(suite.folder);
    const sites = [{ root: site.root, uris: site.uris }];
    const start = (): Promise<Daemon> => Daemon.start({ sites, folder: suite.folder, port, stateDir, listener });
    daemons = [await start(), await start()];
    // From here on only the two that have not begun hold the socket, as a service manager would.
    server.close();
  });

  afterAll(async () => {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    await site.close();
    await suite.close();
  });

  test('holds starts that arrive while no daemon is there, and none is lost', async () => {
    const [first, second] = daemons as [Daemon, Daemon];
    await first.go();
    const caller = await site.caller();
    const before = newHandle('before');
    await caller.startLocked(before, 'drupald_fixture_mark', ['before']);
    await event(site, before, 'mark');
    await first.kill9();
    const between = Array.from({ length: 5 }, () => newHandle('between'));
    for (const handle of between) {
      // The module waits for its connection alone, and that is made.
      expect(await caller.startLocked(handle, 'drupald_fixture_mark', [handle])).toBe(handle);
    }
    await second.go();
    for (const handle of between) {
      await event(site, handle, 'mark');
    }
    await nothingLeft(site, second);
    for (const handle of between) {
      expect(await events(site, handle, 'mark')).toHaveLength(1);
    }
    // No process of PHP has the socket: the next daemon alone may answer on it.
    expect(await second.ps()).toBeDefined();
  });
});
