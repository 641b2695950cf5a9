import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { examineRunning } from '../harness/doctor.js';
import { event, events, openGate } from '../harness/fixture-log.js';
import { nothingLeft } from '../harness/leftovers.js';
import { replaceFile } from '../harness/replace-file.js';
import { readRow } from '../harness/row.js';
import { finished, newHandle, runToEnd } from '../harness/run.js';
import { waitFor } from '../harness/wait.js';

/** Ways in which a module breaks the start of its site, and what is said of each. */
const troubles = {
  'a syntax error': ['function drupald_fixture_broken( {', /unexpected token/],
  'an exception': ["throw new RuntimeException('The fixture is broken');", /RuntimeException: The fixture is broken/],
  'a fatal error': ["require_once DRUPAL_ROOT . '/not-there.inc';", /[Ff]ailed opening required/],
} as const;

describeSites('a module that breaks the start of its site', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 3, isolation: 'process' } });

  async function breaks(code: string, said: RegExp): Promise<void> {
    const { site, daemon, caller } = bench;
    const name = site.uris[0];
    const logged = daemon.lines.length;
    const since = (): typeof daemon.lines => daemon.lines.slice(logged);
    // Twice, so that the site is loaded where the isolation says so.
    await runToEnd(bench, 'drupald_fixture_noop');
    await runToEnd(bench, 'drupald_fixture_noop');
    const running = newHandle('running');
    await caller.startLocked(running, 'drupald_fixture_gate', [running]);
    await event(site, running, 'gate');

    const module = join(site.root, 'sites/all/modules/drupald_fixture/drupald_fixture.module');
    let line = 0;
    const repair = await replaceFile(module, (text) => {
      line = text.split('\n').length;
      return text + code;
    });
    const waiting = [newHandle('waiting'), newHandle('waiting')];
    for (const handle of waiting) {
      await caller.startLocked(handle, 'drupald_fixture_mark', [handle]);
    }
    const place = `${module}:${line}`;
    await waitFor(() => since().some((one) => one.event === 'site.cannot-boot'), { what: 'the trouble to be told' });
    const told = since().find((one) => one.event === 'site.cannot-boot');
    expect(told).toMatchObject({ site: name, reason: expect.stringMatching(said) as unknown });
    expect(told?.['reason']).toContain(place);
    for (const handle of waiting) {
      await waitFor(async () => (await readRow(site, handle))?.exec_status === 3, { what: `${handle} to wait` });
    }
    const { sites, runs } = await daemon.ps();
    expect(sites).toMatchObject([{ state: 'cannot boot', reason: told?.['reason'], running: 1, waiting: 2 }]);
    expect(JSON.stringify(runs)).toContain(running);
    const { findings, code: exitCode } = await examineRunning(daemon.stateDir);
    expect(findings.filter(({ level }) => level === 'problem').map(({ title }) => title)).toEqual([
      expect.stringContaining(place),
    ]);
    expect(exitCode).toBe(1);

    // What ran before ends in the code that it has loaded.
    await openGate(site, running);
    const run = await finished(bench, running);
    expect(run.ended).toMatchObject({ outcome: 'completed' });
    expect(run.shutdowns.map((call) => call.message)).toEqual([null]);
    for (const handle of waiting) {
      expect(await events(site, handle)).toEqual([]);
    }

    await repair();
    for (const handle of waiting) {
      expect((await finished(bench, handle)).ended).toMatchObject({ outcome: 'completed' });
      expect(await events(site, handle, 'mark')).toHaveLength(1);
    }
    expect(since().some((one) => one.event === 'site.recovered')).toBe(true);
    expect((await daemon.ps())['sites']).toMatchObject([{ state: 'ready', reason: null }]);
    await nothingLeft(site, daemon);
  }

  test.each(Object.entries(troubles))('%s: what runs goes on, what comes waits', async (_name, [code, said]) => {
    await breaks(code, said);
  });

  test.each(['fresh', 'shared', 'cold'] as const)('the same with isolation %s', async (isolation) => {
    await bench.restart({ isolation });
    await breaks(...troubles['an exception']);
  });
});
