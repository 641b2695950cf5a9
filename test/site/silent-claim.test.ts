import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootedSite } from '../harness/booted-site.js';
import { Daemon } from '../harness/daemon.js';
import { describeSites, openSuite } from '../harness/describe-sites.js';
import { detail, events } from '../harness/fixture-log.js';
import { isDead, nothingLeft } from '../harness/leftovers.js';
import { freePort, MariaDb } from '../harness/mariadb.js';
import { insertRow, readRow, startPath } from '../harness/row.js';
import { newHandle } from '../harness/run.js';
import { stallRow } from '../harness/stalls.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';
import { post } from '../harness/wire.js';

describeSites('a claim of which nobody has heard', [], (kind) => {
  let suite: Suite;
  let server: MariaDb;
  let site: BootedSite;
  let daemon: Daemon;

  beforeAll(async () => {
    suite = await openSuite();
    server = await MariaDb.start(join(suite.folder, newHandle('mariadb')));
    site = await suite.site(kind, { server });
    const port = await freePort();
    await site.setServiceHost(`http://127.0.0.1:${port}`, 'site.test');
    daemon = await Daemon.start({
      sites: [{ root: site.root, uris: site.uris }],
      folder: suite.folder,
      port,
      slots: 2,
    });
  });

  afterAll(async () => {
    await daemon.stop();
    await site.close();
    await server.remove();
    await suite.close();
  });

  /** Has a worker die with its claim in the database, before it could say so. */
  async function claimInSilence(meanwhile: () => Promise<void>): Promise<string> {
    const handle = newHandle('silent');
    const token = await insertRow(site, { handle, args: [handle] });
    const stall = await stallRow(site, handle);
    let pid: number;
    try {
      await post(daemon.port, startPath(handle, token));
      const given = await daemon.logged(
        (line) => line.event === 'run.dispatched' && line['handle'] === handle,
        'run.dispatched',
      );
      pid = Number(given['pid']);
      await stall.reached('UPDATE');
      process.kill(pid, 'SIGSTOP');
    } finally {
      await stall.release();
    }
    await waitFor(async () => (await readRow(site, handle))?.exec_status === 2, { what: 'the claim' });
    await meanwhile();
    process.kill(pid, 'SIGKILL');
    await waitFor(() => isDead(pid), { what: 'the worker to end' });
    return handle;
  }

  async function settledOnce(handle: string): Promise<void> {
    const ended = await daemon.logged(
      (line) => line.event === 'run.ended' && line['handle'] === handle,
      `the end of ${handle}`,
    );
    expect(ended).toMatchObject({ outcome: 'signalled' });
    expect(await events(site, handle, 'mark')).toEqual([]);
    expect((await events(site, handle, 'shutdown')).map(detail)).toMatchObject([{ message: ended['sentence'] }]);
    expect(await readRow(site, handle)).toBeUndefined();
    await nothingLeft(site, daemon);
  }

  test('is settled, and not run again', async () => {
    await settledOnce(await claimInSilence(() => Promise.resolve()));
  });

  test('is not made any more when its worker dies while it waits in the database', async () => {
    const handle = newHandle('waiting-claim');
    const token = await insertRow(site, { handle, args: [handle] });
    const stall = await stallRow(site, handle);
    try {
      await post(daemon.port, startPath(handle, token));
      const given = await daemon.logged(
        (line) => line.event === 'run.dispatched' && line['handle'] === handle,
        'run.dispatched',
      );
      await stall.reached('UPDATE');
      process.kill(Number(given['pid']), 'SIGKILL');
      await daemon.logged((line) => line.event === 'run.requeued' && line['handle'] === handle, 'run.requeued');
    } finally {
      await stall.release();
    }
    const ended = await daemon.logged(
      (line) => line.event === 'run.ended' && line['handle'] === handle,
      `the end of ${handle}`,
    );
    expect(ended).toMatchObject({ outcome: 'completed' });
    expect(await events(site, handle, 'mark')).toHaveLength(1);
    await nothingLeft(site, daemon);
  });

  test('is asked for until a database answers that is away meanwhile', async () => {
    const handle = await claimInSilence(() => server.stop());
    // Its slot is held, and nobody says that it has ended.
    expect(JSON.stringify((await daemon.ps())['runs'])).toContain(handle);
    await server.restart();
    await settledOnce(handle);
  });
});
