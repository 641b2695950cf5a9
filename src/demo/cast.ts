import type { OutcomeKind } from '../process/outcome.js';

/** One process of the demo, and how it should end. */
export interface Role {
  /** Name under which the site starts it. */
  readonly name: string;
  /** What it shows. */
  readonly shows: string;
  /** How its runs should end. */
  readonly outcome: OutcomeKind;
  /** How often it should run. */
  readonly runs: number;
  /** What the sentence about its end should say. */
  readonly says?: string;
  /** How many further starts the site should refuse, because the handle is taken. */
  readonly refused?: number;
}

/** Everything that the demo starts, in this order. */
export const cast: readonly Role[] = [
  { name: 'slow', shows: 'takes five seconds', outcome: 'completed', runs: 1 },
  { name: 'steps', shows: 'says how far it is, in 20 steps', outcome: 'completed', runs: 1 },
  { name: 'function', shows: 'a function', outcome: 'completed', runs: 1 },
  { name: 'static', shows: 'a static method', outcome: 'completed', runs: 1 },
  { name: 'object', shows: 'a method of an object', outcome: 'completed', runs: 1 },
  { name: 'locked', shows: 'once at a time: the second start is refused', outcome: 'completed', runs: 1, refused: 1 },
  { name: 'chain', shows: 'starts itself again, twice', outcome: 'completed', runs: 3 },
  { name: 'prints', shows: 'prints more than is kept', outcome: 'completed', runs: 1 },
  { name: 'throw', shows: 'throws', outcome: 'threw', runs: 1, says: 'The demo throws' },
  { name: 'fatal', shows: 'hits a fatal error', outcome: 'fatal', runs: 1, says: 'redeclare' },
  { name: 'kill', shows: 'is killed', outcome: 'signalled', runs: 1, says: 'SIGKILL' },
  { name: 'exit', shows: 'ends PHP', outcome: 'exited', runs: 1, says: 'exit code 3' },
];
