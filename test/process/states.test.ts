import { describe, expect, it } from 'vitest';

import { mayMove, runStates, type RunState } from '../../src/process/states.js';

const allowed: readonly (readonly [RunState, RunState])[] = [
  ['waiting', 'starting'],
  ['waiting', 'ended'],
  ['held', 'waiting'],
  ['held', 'ended'],
  ['starting', 'running'],
  ['starting', 'waiting'],
  ['starting', 'held'],
  ['starting', 'settling'],
  ['starting', 'ended'],
  ['running', 'closing'],
  ['running', 'settling'],
  ['running', 'ended'],
  ['closing', 'settling'],
  ['closing', 'ended'],
  ['settling', 'ended'],
];

describe('mayMove', () => {
  it('knows these moves and no others', () => {
    const found = runStates.flatMap((from) => runStates.filter((to) => mayMove(from, to)).map((to) => `${from} ${to}`));
    expect(found.sort()).toEqual(allowed.map((move) => move.join(' ')).sort());
  });

  it.each(['running', 'closing', 'settling', 'ended'] as const)('never goes back from %s to a second start', (from) => {
    const reached = new Set<RunState>([from]);
    for (const state of reached) {
      for (const next of runStates) {
        if (mayMove(state, next)) {
          reached.add(next);
        }
      }
    }
    expect([...reached].filter((state) => ['waiting', 'held', 'starting'].includes(state))).toEqual([]);
  });

  it('lets nothing leave the end', () => {
    expect(runStates.filter((to) => mayMove('ended', to))).toEqual([]);
  });
});
