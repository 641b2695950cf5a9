import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event } from '../harness/fixture-log.js';
import { commandLine, descendants, isDead, nothingLeft } from '../harness/leftovers.js';
import { finished, newHandle } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

describeSites('a worker whose parents have died', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 2 } });

  const processes = (name: string): number[] =>
    descendants(bench.daemon.pid).filter((pid) => commandLine(pid).startsWith(`drupald ${name}`));

  test('goes on, and its death is known though nothing else happens and a spare lives', async () => {
    const handle = newHandle('orphan');
    await bench.caller.startLocked(handle, 'drupald_fixture_stays', ['sleep']);
    const { pid } = await event(bench.site, handle, 'stays');
    // One that waits for a job of its own, and has everything of its root.
    await waitFor(() => processes('spare').length > 0, { what: 'a spare' });
    const spares = processes('spare');
    for (const parent of processes('root')) {
      process.kill(parent, 'SIGKILL');
    }
    await bench.daemon.logged((line) => line.event === 'root.exited', 'root.exited');
    expect(isDead(pid)).toBe(false);
    expect(spares.some((spare) => !isDead(spare))).toBe(true);
    process.kill(pid, 'SIGKILL');
    const run = await finished(bench, handle);
    expect(run.ended).toMatchObject({
      outcome: 'lost',
      sentence: expect.stringMatching(/its parent process died before it/) as unknown,
    });
    expect(run.shutdowns.map((call) => call.message)).toEqual([run.ended['sentence']]);
    await nothingLeft(bench.site);
  });
});
