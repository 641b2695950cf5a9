import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events } from '../harness/fixture-log.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle } from '../harness/run.js';

describeSites('maintenance mode', ['maintenance'], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  test('who may use the site runs, others wait until it is open again', async () => {
    await bench.site.variable('maintenance_mode', 1);
    const visitor = newHandle('visitor');
    const admin = newHandle('admin');
    const caller = await bench.site.caller();
    expect(await caller.startLocked(visitor, 'drupald_fixture_mark', ['v'])).toBe(visitor);
    expect(await caller.startLocked(admin, 'drupald_fixture_mark', ['a'], { uid: 1 })).toBe(admin);
    await event(bench.site, admin, 'mark');
    await finished(bench, admin);
    expect(await events(bench.site, visitor, 'mark')).toEqual([]);
    expect(await readRow(bench.site, visitor)).toMatchObject({ exec_status: 3 });
    await bench.site.variable('maintenance_mode', 0);
    await event(bench.site, visitor, 'mark');
    await finished(bench, visitor);
  });
});
