/** Values of the module's column exec_status (contract §1). */
export const execStatus = { none: 0, locked: 1, running: 2, queued: 3 } as const;

/** Where a run stands for us; the row itself only knows waiting and running. */
export const runStates = ['waiting', 'held', 'starting', 'running', 'closing', 'settling', 'ended'] as const;

export type RunState = (typeof runStates)[number];

const legalMoves: Readonly<Record<RunState, readonly RunState[]>> = {
  waiting: ['starting', 'ended'],
  held: ['waiting', 'ended'],
  // Back to waiting or held: nothing was claimed, so nothing has run.
  starting: ['running', 'waiting', 'held', 'settling', 'ended'],
  running: ['closing', 'settling', 'ended'],
  closing: ['settling', 'ended'],
  settling: ['ended'],
  ended: [],
};

/** Says whether a run may go from one state to the other. */
export function mayMove(from: RunState, to: RunState): boolean {
  return legalMoves[from].includes(to);
}
