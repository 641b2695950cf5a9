import { describe, expect, it } from 'vitest';
import { Board, complaints, stateOf } from '../../src/demo/board.js';
import type { Role } from '../../src/demo/cast.js';
import { bar, drawReasons, drawTable } from '../../src/demo/table.js';

const role: Role = { name: 'chain', shows: '', outcome: 'completed', runs: 2 };

function chain(): Board {
  const board = new Board();
  board.heard({ event: 'start.accepted', handle: 'h', callback: 'job' });
  board.started(role, { handle: 'h', asked: null, callback: 'job' });
  board.heard({ event: 'run.dispatched', handle: 'h', pid: 1, waitedMs: 3 });
  board.heard({ event: 'run.claimed', handle: 'h', pid: 1 });
  return board;
}

const ended = (pid: number, outcome = 'completed', sentence = '') => ({
  event: 'run.ended',
  handle: 'h',
  pid,
  outcome,
  ranMs: 10,
  ...(sentence === '' ? {} : { sentence }),
});

describe('the board', () => {
  it('tells runs of one handle apart, also when the next begins before the first is heard of as ended', () => {
    const board = chain();
    board.heard({ event: 'run.dispatched', handle: 'h', pid: 2, waitedMs: 0 });
    board.heard({ event: 'run.claimed', handle: 'h', pid: 2 });
    board.heard(ended(1));
    expect(stateOf(board.entries[0]!)).toBe('running');
    expect(board.settled).toBe(false);
    board.heard(ended(2));
    expect(stateOf(board.entries[0]!)).toBe('ended');
    expect(board.settled).toBe(true);
    expect(complaints(role, board.entries)).toEqual([]);
  });

  it('waits for runs that are still to come, but not after a bad end', () => {
    const waiting = chain();
    waiting.heard(ended(1));
    expect(stateOf(waiting.entries[0]!)).toBe('waiting');
    expect(waiting.settled).toBe(false);
    const bad = chain();
    bad.heard(ended(1, 'threw', 'It threw.'));
    expect(stateOf(bad.entries[0]!)).toBe('ended');
    expect(complaints(role, bad.entries)).toEqual([
      'chain: ran 1 times, not 2.',
      'chain: ended as threw, not as completed. It threw.',
    ]);
  });

  it('complains of a missing refusal, a wrong outcome and a wrong reason', () => {
    const board = chain();
    board.heard(ended(1, 'exited', 'Exit code 4.'));
    const wanted: Role = { name: 'exit', shows: '', outcome: 'exited', runs: 1, says: 'code 3', refused: 1 };
    board.entries[0]!.role = wanted;
    expect(complaints(wanted, board.entries)).toEqual([
      'exit: 0 starts were refused, not 1.',
      'exit: the reason does not say "code 3": Exit code 4.',
    ]);
    expect(complaints({ ...wanted, name: 'absent' }, board.entries)).toContain(
      'absent: 0 processes were taken, not 1.',
    );
  });

  it('forgets a run that never began', () => {
    const board = new Board();
    board.heard({ event: 'run.dispatched', handle: 'h', callback: 'job', pid: 1 });
    board.heard({ event: 'run.requeued', handle: 'h', reason: 'again' });
    expect(stateOf(board.entries[0]!)).toBe('waiting');
    board.heard({ event: 'run.dropped', handle: 'h', reason: 'somebody else has it' });
    expect(stateOf(board.entries[0]!)).toBe('refused');
  });
});

describe('the table', () => {
  it.each([80, 100, 110, 200])('fits into %i columns', (columns) => {
    const board = chain();
    board.heard(ended(1, 'threw', 'A long sentence '.repeat(20)));
    board.progressed('h', 0.5, 'Half');
    board.started(role, { handle: false, asked: 'x'.repeat(60), callback: 'y'.repeat(60) });
    const lines = drawTable(board.entries, { columns, colour: false }, Date.now()).split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line.length).toBeLessThan(columns);
    expect(lines[1]).toContain(bar(0.5, 8).slice(0, 4));
  });

  it('has no control characters of the site and no colour unless wanted', () => {
    const board = new Board();
    board.heard({ event: 'start.accepted', handle: 'a\u001b[31mb', callback: 'job' });
    board.heard({ event: 'start.refused', handle: 'a\u001b[31mb', reason: 'no\u001b[2J' });
    const plain = drawTable(board.entries, { columns: 120, colour: false }, 0) + drawReasons(board.entries, false);
    expect(plain).not.toContain('\u001b');
    expect(drawTable(board.entries, { columns: 120, colour: true }, 0)).toContain('\u001b');
  });
});
