import { lockedCallback } from '../process/callback-name.js';
import { isOwnProcess } from '../process/own-callback.js';
import type { ProcessRow } from '../store/process-store.js';

/**
 * Seconds after which a start is taken even where it has to wait, when every daemon is busy: it would otherwise be
 * the last of all, and the site's own clean-up removes one of status 1 after 120.
 */
const urgent = 30;

/** Such starts that one look takes at most. */
const urgentMost = 20;

/** Rows by the time for which they have been seen as they are. */
export class SeenRows {
  #since = new Map<string, number>();

  /**
   * Notes what one look sees, and forgets everything else.
   *
   * @param at monotonic milliseconds
   * @returns milliseconds for which each row has been seen
   */
  note(rows: readonly ProcessRow[], at: number): (row: ProcessRow) => number {
    const before = this.#since;
    this.#since = new Map(rows.map((row) => [keyOf(row), before.get(keyOf(row)) ?? at]));
    return (row) => at - (this.#since.get(keyOf(row)) ?? at);
  }
}

/** What a look at the rows of neighbours has found. */
export interface Untaken {
  /** Status 1: sent, and nobody has taken them; oldest first. */
  readonly sent: readonly ProcessRow[];
  /** Status 3, of service hosts whose daemon gives no sign of life; oldest first. */
  readonly waiting: readonly ProcessRow[];
  /** Status 3, waiting at a daemon that lives and has no slot for them; oldest first. */
  readonly busy: readonly ProcessRow[];
  /** Milliseconds for which a row has been seen as it is. */
  readonly seenFor: (row: ProcessRow) => number;
  /** Seconds since 1970. */
  readonly now: number;
  /** Whether one like it could begin here at once: limits of its own may hold it back where slots are free. */
  readonly mayBegin: (row: ProcessRow) => boolean;
}

/** Whether a row must be taken even where it has to wait. @param now seconds since 1970 */
export function isUrgent({ stamp }: Pick<ProcessRow, 'stamp'>, now: number): boolean {
  return now - Number(stamp) >= urgent;
}

/** How long what is to be taken must have lain, in seconds. */
export interface Patience {
  readonly takeOver: number;
  /** Of those that wait at a daemon which lives. */
  readonly shareAfter: number;
  /** Of the site, for its connections to service hosts. */
  readonly connectionTimeout: number;
}

/**
 * Which of these rows to take now: as many as there are free slots that they could have, the oldest first, so that
 * several daemons share them.
 *
 * After a refused connection the module deletes a row that has status 1 without a fence. Such a row must
 * therefore have been there, unchanged, for as long as the module tries to connect.
 */
export function chooseUntaken(
  { sent, waiting, busy, seenFor, now, mayBegin }: Untaken,
  patience: Patience,
  free: number,
): ProcessRow[] {
  const { takeOver, shareAfter, connectionTimeout } = patience;
  const age = (row: ProcessRow): number => now - Number(row.stamp);
  const due = sent.filter(
    (row) => age(row) >= Math.max(takeOver, 2 * connectionTimeout + 1) && seenFor(row) >= connectionTimeout * 1000,
  );
  const all = [...due, ...waiting.filter((row) => age(row) >= takeOver)]
    .filter(({ callback }) => callback !== lockedCallback)
    .sort((one, other) => Number(one.stamp) - Number(other.stamp));
  const first = all.filter(mayBegin).slice(0, free);
  const rest = all.filter((row) => !first.includes(row) && isUrgent(row, now));
  // Of a daemon's own processes its memory knows more than their rows: they stay where they are.
  const shared = busy.filter((row) => age(row) >= shareAfter && !isOwnProcess(row) && mayBegin(row));
  return [...first, ...rest.slice(0, urgentMost), ...shared.slice(0, Math.max(0, free - first.length - rest.length))];
}

function keyOf({ handle, stamp, serviceHost }: ProcessRow): string {
  return `${stamp} ${serviceHost} ${handle}`;
}
