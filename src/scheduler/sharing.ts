import type { Dispatch } from './dispatch.js';

/** What a start is to a backlog that several daemons share. */
export interface Sharing {
  /** Starts that wait there, as far as it was told lately. */
  readonly waiting: number;
  /** Whether a start may begin here at once: it needs no leave of the others, and none waits there before it. */
  mayBegin(dispatch: Dispatch): boolean;
  /** Whether a start that has to wait waits there rather than here. */
  wants(dispatch: Dispatch): boolean;
  /**
   * Takes starts that have to wait; their rows wait already. Never throws, and takes a short time only.
   *
   * @returns those that it could not take: they wait here
   */
  take(dispatches: readonly Dispatch[]): Promise<readonly Dispatch[]>;
  /** Whether a start came from there: it has been counted already. */
  brought(dispatch: Dispatch): boolean;
  /** A start begins here. */
  begins(dispatch: Dispatch): void;
  /** A start is over here, or rests without a place in line. */
  leaves(dispatch: Dispatch): void;
  /**
   * Gives a start that came from there back to it, because it cannot run here now.
   *
   * @returns false: it did not come from there, or cannot be given back
   */
  returns(dispatch: Dispatch): boolean;
  /** A slot may be free. */
  slotFreed(): void;
}

/** Each daemon for itself. */
export const unshared: Sharing = {
  waiting: 0,
  mayBegin: () => true,
  wants: () => false,
  take: (dispatches) => Promise.resolve(dispatches),
  brought: () => false,
  begins: () => undefined,
  leaves: () => undefined,
  returns: () => false,
  slotFreed: () => undefined,
};
