import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, events } from '../harness/fixture-log.js';
import { runProgram } from '../harness/program.js';
import { insertRow, readRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';

describeSites('a database that was copied from elsewhere', [], (kind) => {
  const bench = prepareBench(kind);

  const command = (name: string) =>
    runProgram(process.execPath, ['dist/cli/main.js', name, '--state-dir', bench.daemon.stateDir, '--json']);

  test('what waited in it is left alone until it is adopted; what is started runs', async () => {
    expect(JSON.parse((await command('adopt')).stdout)).toEqual({ adopted: [] });
    await bench.daemon.stop();
    // As a dump of another place would bring it: the mark is not this place's.
    await bench.site.sql("UPDATE {drupald_installation} SET mark = REPEAT('0', 64)");
    const old = newHandle('old');
    await insertRow(bench.site, { handle: old, callback: 'drupald_fixture_mark', status: 3, serviceHost: 'default' });
    await bench.restart();
    await runToEnd(bench, 'drupald_fixture_noop');
    expect(await readRow(bench.site, old)).toMatchObject({ exec_status: 3 });
    expect(await events(bench.site, old, 'mark')).toEqual([]);
    expect((await command('doctor')).stdout).toContain('is a copy');

    const adopted = await command('adopt');
    expect(adopted.code, adopted.stderr).toBe(0);
    expect(JSON.parse(adopted.stdout)).toEqual({ adopted: [bench.site.uris[0]] });
    await event(bench.site, old, 'mark');
    await finished(bench, old);
  });
});
