import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { prepareBench, type Bench } from '../harness/bench.js';
import { describeSites } from '../harness/describe-sites.js';
import { event, openGate } from '../harness/fixture-log.js';
import { fillSlots } from '../harness/fill-slots.js';
import { Following } from '../harness/following.js';
import { ask, history, onlyWritten, written } from '../harness/history.js';
import { insertRow, startPath } from '../harness/row.js';
import { finished, type FinishedRun, newHandle, runToEnd } from '../harness/run.js';
import { post } from '../harness/wire.js';

/** An end with what the history must say of it. */
const ENDS: readonly {
  readonly callback: string;
  readonly args?: readonly unknown[];
  readonly uid?: number;
  readonly past: Readonly<Record<string, unknown>>;
}[] = [
  { callback: 'drupald_fixture_noop', past: { outcome: 'completed', sentence: '' } },
  {
    callback: 'drupald_fixture_throws',
    args: ['A reason of its own'],
    past: { outcome: 'threw', class: 'RuntimeException', line: expect.any(Number) },
  },
  { callback: 'drupald_fixture_fatal', past: { outcome: 'fatal', file: expect.stringContaining('ends.inc') } },
  { callback: 'drupald_fixture_exits', args: [3], past: { outcome: 'exited', exitCode: 3 } },
  { callback: 'drupald_fixture_signal', args: [9], past: { outcome: 'signalled', signal: 'SIGKILL' } },
  { callback: 'drupald_fixture_noop', uid: 99, past: { outcome: 'refused', uid: 99 } },
];

/** Runs a process of a user who need not exist. */
async function runAs(bench: Bench, callback: string, uid: number): Promise<FinishedRun> {
  const handle = newHandle('as');
  const token = await insertRow(bench.site, { handle, callback, uid });
  await post(bench.daemon.port, startPath(handle, token));
  return finished(bench, handle);
}

describeSites('the history of runs', [], (kind) => {
  const bench = prepareBench(kind, { daemon: { slots: 1 } });

  test('says how each run ended, in the table and on the command line', async () => {
    for (const { callback, args, uid, past } of ENDS) {
      const { handle, ended } = await (uid === undefined
        ? runToEnd(bench, callback, args)
        : runAs(bench, callback, uid));
      const { runs, notes } = await history(bench, '--callback', callback, '--limit', '1');
      expect(notes).toEqual([]);
      expect(runs).toEqual([
        expect.objectContaining({
          handle,
          callback,
          site: bench.site.uris[0],
          serviceHost: 'default',
          sentence: ended['sentence'] ?? '',
          isolation: expect.stringMatching(/process|fresh/),
          attempts: 1,
          ...past,
        }),
      ]);
      const [run] = runs;
      expect(run!.accepted).toBeGreaterThanOrEqual(run!.created!);
      expect(run!.dispatched).toBeGreaterThanOrEqual(run!.accepted);
      expect(run!.ended).toBeGreaterThanOrEqual(run!.dispatched);
      // What was refused was never claimed.
      expect(run!.started === undefined).toBe(past['outcome'] === 'refused');
      expect(run!.ended).toBeGreaterThanOrEqual(run!.started ?? 0);
    }
    const [killed] = (await history(bench, '--outcome', 'signalled')).runs;
    expect(killed).toMatchObject({ cpuMs: expect.any(Number), peakKb: expect.any(Number), pid: expect.any(Number) });
    expect((await history(bench, '--outcome', 'threw,exited')).runs.map(({ outcome }) => outcome)).toEqual([
      'exited',
      'threw',
    ]);
    expect((await history(bench, '--since', '1 h', '--site', String(bench.site.uris[0]))).runs).toHaveLength(6);
    expect((await history(bench, '--since', '2999-01-01')).runs).toEqual([]);
    expect((await history(bench, '--callback', '*_exits')).runs).toHaveLength(1);
    const people = await ask(bench, 'history', '--outcome', 'exited');
    expect(people.stdout).toMatch(/^\d{4}-\d\d-\d\d \S+ +\S+ +drupald_fixture_exits +exited +\d+ ms .*exit code 3/m);
  });

  test('keeps progress and what was printed, shows them, and hides what is secret', async () => {
    const half = await runToEnd(bench, 'drupald_fixture_dies_half_way');
    const lines = Array.from({ length: 100 }, (_, line) => `line ${line} of the output`).join('\n');
    const password = bench.site.database.password;
    const printed = await runToEnd(bench, 'drupald_fixture_prints_around', [`\u001b[2J${password}\n${lines}\n`]);
    const { stdout } = await ask(bench, 'show', half.handle);
    expect(stdout).toMatch(/progress +50 %: /);
    expect(stdout).toMatch(/signal +SIGKILL/);
    const shown = await ask(bench, 'show', printed.handle);
    expect(shown.stdout).toContain('line 10 of the output');
    expect(shown.stdout).not.toContain('line 50 of the output');
    expect(shown.stdout).toContain('more, see "drupald logs"');
    expect(shown.stdout).toContain('line 99 of the output');
    const log = await ask(bench, 'logs', printed.handle);
    expect(log.stdout).toContain(lines);
    expect(log.stderr).toContain('It completed.');
    expect((await ask(bench, 'logs', printed.handle, '--lines', '2')).stdout).toBe(
      'line 98 of the output\nline 99 of the output\n',
    );
    for (const { stdout: text } of [shown, log, await ask(bench, 'show', '--json', printed.handle)]) {
      expect(text).toContain('[hidden]');
      expect(text).not.toContain(password);
      expect(text).not.toContain('\u001b');
    }
    const kept = await bench.site.sql<{ all: string }>(
      "SELECT GROUP_CONCAT(output_head, sentence) AS 'all' FROM {drupald_run}",
    );
    expect(kept[0]!.all).toContain('line 0');
    expect(kept[0]!.all).not.toContain(password);
  });

  test('says that a log was removed, is empty, or never was', async () => {
    const { handle } = await runToEnd(bench, 'drupald_fixture_prints_around', ['kept in the history\n']);
    const [run] = (await history(bench, '--limit', '1')).runs;
    await rm(join(bench.daemon.stateDir, 'runs', `${run!.id}.log`));
    const removed = await ask(bench, 'logs', handle);
    // The module of a real site has a notice of its own before it.
    expect(removed.stdout).toMatch(/^kept in the history\n$/m);
    expect(removed.stderr).toContain('output.keep');
    const silent = await runToEnd(bench, 'drupald_fixture_noop');
    const empty = await ask(bench, 'logs', silent.handle);
    if (kind === 'stand-in') {
      expect(empty).toMatchObject({ stdout: '', stderr: expect.stringContaining('It printed nothing.') });
    }
    for (const command of ['logs', 'show']) {
      const unknown = await ask(bench, command, 'no-such-handle');
      expect(unknown).toMatchObject({ code: 1, stdout: '' });
      expect(unknown.stderr).toContain('[DRUPALD_HANDLE_UNKNOWN]');
      // Handles are compared exactly.
      expect((await ask(bench, command, silent.handle.toUpperCase())).code).toBe(1);
    }
    expect(await ask(bench, 'history', '--site', 'http://elsewhere.test')).toMatchObject({ code: 2 });
  });

  test('shows what runs and what waits, and follows a run to its end', async () => {
    const gate = newHandle('gate');
    const waiting = newHandle('waiting');
    await bench.caller.startLocked(gate, 'drupald_fixture_prints_around', ['before\n', gate, 'after\n']);
    await event(bench.site, gate, 'gate');
    const second = newHandle('second');
    await fillSlots(bench.site, bench.caller, [], [waiting, second]);
    expect((await ask(bench, 'show', gate)).stdout).toMatch(/runs\n[^]*isolation +(process|fresh)/);
    expect((await ask(bench, 'show', second)).stdout).toContain('waits at position 2 of its site');
    expect((await ask(bench, 'logs', waiting)).stderr).toContain('It waits and has printed nothing yet.');
    const state = ['--state-dir', bench.daemon.stateDir];
    const left = new Following(['logs', '-f', gate, ...state]);
    const follower = new Following(['logs', gate, '--follow', ...state]);
    const early = new Following(['logs', '-f', second, ...state]);
    await left.printed('before');
    await follower.printed('before');
    await early.said('waiting');
    left.interrupt();
    expect(await left.ended()).toBe(130);
    await openGate(bench.site, gate);
    expect(await follower.ended()).toBe(0);
    expect(follower.out).toMatch(/(^|\n)before\nafter\n$/);
    expect(follower.err).toContain('It completed.');
    expect(await early.ended()).toBe(0);
    await finished(bench, second);
    const elsewhere = newHandle('elsewhere');
    await insertRow(bench.site, { handle: elsewhere, status: 2 });
    expect((await ask(bench, 'show', elsewhere)).stdout).toContain('is not in the hands of this daemon');
    await bench.site.sql('DELETE FROM {background_process} WHERE handle = ?', [elsewhere]);
  });

  test('a daemon that stops writes what has just ended, and lets go of who follows', async () => {
    const last = await runToEnd(bench, 'drupald_fixture_exits', [3]);
    const gate = newHandle('gate');
    await bench.caller.startLocked(gate, 'drupald_fixture_gate', [gate]);
    await event(bench.site, gate, 'gate');
    const waiting = newHandle('waiting');
    await fillSlots(bench.site, bench.caller, [], [waiting]);
    const follower = new Following(['logs', '-f', waiting, '--state-dir', bench.daemon.stateDir]);
    await follower.said('waiting');
    bench.daemon.terminate();
    await bench.daemon.logged(({ event: name }) => name === 'daemon.stopping', 'daemon.stopping');
    await openGate(bench.site, gate);
    expect(await bench.daemon.exited()).toBe(0);
    expect(await follower.ended()).toBe(0);
    expect(follower.err).toContain('The daemon stops');
    expect((await written(bench)).slice(0, 2)).toEqual([gate, last.handle]);
    await bench.restart();
    await finished(bench, waiting);
  });

  test('the oldest go when there are too many, and those that are too old', async () => {
    await bench.restart({ env: { DRUPALD_HISTORY_MAX_COUNT: '3', DRUPALD_HISTORY_MAX_AGE: '1 h' } });
    const handles: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      handles.unshift((await runToEnd(bench, 'drupald_fixture_noop')).handle);
      await onlyWritten(
        bench,
        [...handles, ...(await written(bench)).filter((one) => !handles.includes(one))].slice(0, 3),
      );
    }
    await bench.site.sql('UPDATE {drupald_run} SET ended = ended - 3601 WHERE handle = ?', [handles[1]]);
    const { handle } = await runToEnd(bench, 'drupald_fixture_noop');
    await onlyWritten(bench, [handle, handles[0]!, handles[2]!]);
    await bench.restart();
  });
});
