import { describe, expect, it } from 'vitest';

import { RunReport } from '../../src/outcome/run-report.js';
import { runMessage } from '../../src/workers/protocol.js';
import type { WorkerExit } from '../../src/workers/worker.js';

/** A report made of messages as they come over the wire. */
function report(...messages: object[]): RunReport {
  const made = new RunReport();
  for (const message of messages) {
    made.apply(runMessage.parse(message));
  }
  return made;
}

function exit(changes: Partial<WorkerExit> = {}): WorkerExit {
  return { code: undefined, signal: undefined, seen: true, ...changes };
}

const claimed = { type: 'claimed', stamp: '1.000000', lock: 'l', listeners: 1, connections: [4] };
const threw = {
  type: 'ended',
  at: 12.5,
  outcome: { kind: 'threw', sentence: 'It threw.', class: 'E', message: 'm', file: 'f.inc', line: 3 },
};
const returned = { type: 'ended', at: 12.5, outcome: { kind: 'completed', sentence: '' } };
const exits = { type: 'ended', at: 12.5, outcome: { kind: 'exit', sentence: '' } };

describe('what a report keeps', () => {
  it('follows a run message by message', () => {
    const made = report({ type: 'booted' }, claimed, returned, { type: 'hook', state: 'begun' });
    expect(made).toMatchObject({ hook: 'begun', endedAt: 12.5, unclaimed: false });
    expect(made.claimed).toMatchObject({ stamp: '1.000000', lock: 'l', listeners: 1 });
    made.apply(runMessage.parse({ type: 'hook', state: 'done' }));
    expect(made.hook).toBe('done');
  });

  it('keeps the first end, not a later one', () => {
    const made = report(claimed, returned, { ...threw, at: 99 });
    expect(made.ended?.kind).toBe('completed');
    expect(made.endedAt).toBe(12.5);
  });

  it('keeps why a run was not claimed', () => {
    expect(report({ type: 'unclaimed' }).unclaimed).toBe(true);
    expect(report({ type: 'postponed', reason: 'maintenance' }).postponed?.reason).toBe('maintenance');
    expect(report({ type: 'refused', reason: 'owner', sentence: 'No owner.' }).refused?.sentence).toBe('No owner.');
    expect(report({ type: 'boot-failed', cause: 'exit' }).bootFailure?.cause).toBe('exit');
  });

  it.each([
    [{ type: 'settled', row: 'deleted', hook: 'done' }, true],
    [{ type: 'settled', row: 'gone', hook: 'none' }, true],
    [{ type: 'settled', row: 'deleted', hook: 'deferred' }, false],
    [{ type: 'unsettled', message: 'no database' }, false],
    [{ type: 'booted' }, false],
  ])('after %j nothing is left to settle: %s', (message, settled) => {
    expect(report(message).isSettled).toBe(settled);
  });
});

describe('how a claimed run ended', () => {
  it.each([[{ signal: 'SIGKILL' }], [{ code: 0 }], [{ code: 255 }], [{ seen: false }]])(
    'is completed when PHP said so, however its process then ended: %j',
    (how) => {
      expect(report(claimed, returned).outcome(exit(how), 'job')).toEqual({ kind: 'completed', sentence: '' });
    },
  );

  it('is what PHP said of an exception', () => {
    expect(report(claimed, threw).outcome(exit({ signal: 'SIGKILL' }), 'job')).toEqual({
      kind: 'threw',
      sentence: 'It threw.',
      class: 'E',
      message: 'm',
      file: 'f.inc',
      line: 3,
    });
  });

  it.each([
    ['out-of-memory', 'It ran out of memory.'],
    ['timed-out', 'It took too long.'],
    ['not-callable', 'It does not exist.'],
    ['database-lost', 'It lost its database.'],
    ['fatal', 'It broke.'],
  ] as const)('is %s with its sentence', (kind, sentence) => {
    const made = report(claimed, { type: 'ended', at: 1, outcome: { kind, sentence } });
    expect(made.outcome(exit({ code: 255 }), 'job')).toMatchObject({ kind, sentence });
  });

  it.each([
    [0, 'completed'],
    [3, 'exited'],
  ] as const)('is exit code %d by the word of its parent when the callback called exit()', (code, kind) => {
    const outcome = report(claimed, exits).outcome(exit({ code }), 'job');
    expect(outcome.kind).toBe(kind);
    expect(outcome.code).toBe(code === 0 ? undefined : code);
  });

  it('is the signal when it was killed while it left by exit()', () => {
    expect(report(claimed, exits).outcome(exit({ signal: 'SIGTERM' }), 'job')).toMatchObject({
      kind: 'signalled',
      signal: 'SIGTERM',
    });
  });

  it('is the signal when PHP could say nothing', () => {
    expect(report(claimed).outcome(exit({ signal: 'SIGSEGV' }), 'job')).toMatchObject({
      kind: 'signalled',
      signal: 'SIGSEGV',
    });
  });

  it('is an exit code without a word when it is not 0', () => {
    expect(report(claimed).outcome(exit({ code: 9 }), 'job')).toMatchObject({ kind: 'exited', code: 9 });
  });

  it('is lost, never completed, when it ended with code 0 and without a word', () => {
    const outcome = report(claimed).outcome(exit({ code: 0 }), 'job');
    expect(outcome.kind).toBe('lost');
    expect(outcome.sentence).toContain('without a word');
  });

  it('is lost when nobody saw the end', () => {
    const outcome = report(claimed).outcome(exit({ seen: false }), 'job');
    expect(outcome.kind).toBe('lost');
    expect(outcome.sentence).toContain('nobody saw');
  });
});
