import { isOwnCallback } from '../process/own-callback.js';
import { execStatus } from '../process/states.js';
import { sumOf } from '../scheduler/ownership.js';
import type { OwnedProcess } from '../store/owner-table.js';
import type { ProcessRow } from '../store/process-store.js';
import { formatDuration } from '../support/duration.js';

/** Seconds without a sign of life after which a daemon counts as gone. */
const patience = 60;

/** A process of our own that stands as running although nobody has it in hand, as far as one look shows. */
export interface Stranded {
  readonly row: ProcessRow;
  /** The value of its locks; empty: it is not known. */
  readonly lock: string;
  /** Who had it, in words that go on a sentence. */
  readonly why: string;
  /** Whether somebody has written down that he has it. */
  readonly isOwned: boolean;
  /** The same at two looks in a row: nothing has changed meanwhile, nor has its daemon given a sign. */
  readonly key: string;
}

/** What a look at the processes of one site shows. */
export interface Strandings {
  readonly stranded: readonly Stranded[];
  /** Sums of entries whose process is gone, and to which nobody else sees. */
  readonly left: readonly string[];
}

/** What a look has read. */
export interface Look {
  /** Id of the daemon that looks. */
  readonly daemon: string;
  readonly entries: readonly OwnedProcess[];
  /** Rows of the handles of these entries, and others. */
  readonly rows: readonly ProcessRow[];
  /** Whether this daemon has a process of this name in hand. */
  readonly hasInHand: (handle: string) => boolean;
}

/**
 * Which processes of ours nobody has in hand: not this daemon, and none that gives a sign of life.
 *
 * An entry is for the row with its token alone: one that somebody else made since is not meant.
 */
export function judgeStranded({ daemon, entries, rows, hasInHand }: Look): Strandings {
  const bySum = new Map(rows.map((row) => [sumOf(row.token), row]));
  const known = new Set(entries.map(({ sum }) => sum));
  const stranded: Stranded[] = [];
  const left: string[] = [];
  for (const entry of entries) {
    const { sum, owner, lock } = entry;
    const why = whyGone(entry, daemon);
    if (why === undefined) {
      continue;
    }
    const row = bySum.get(sum);
    if (!row) {
      left.push(sum);
    } else if (row.status === execStatus.running && !hasInHand(row.handle)) {
      // This daemon gives signs of life all the time: they say nothing of what it has in hand.
      const beat = entry.daemon === daemon ? '' : (owner?.beat ?? '');
      stranded.push({ row, lock, why, isOwned: true, key: [sum, row.stamp, entry.daemon, beat].join(' ') });
    }
  }
  for (const [sum, row] of bySum) {
    // Whoever lives writes down what it has in hand.
    if (!known.has(sum) && row.status === execStatus.running && isOwnCallback(row.callback) && !hasInHand(row.handle)) {
      const why = 'no drupald says that it has it in hand';
      stranded.push({ row, lock: '', why, isOwned: false, key: [sum, row.stamp].join(' ') });
    }
  }
  return { stranded, left };
}

/** Why the daemon of an entry does not see to it; undefined: it may. A beat from the future is older than a clock that was set back. */
function whyGone({ daemon, owner }: OwnedProcess, self: string): string | undefined {
  if (daemon === self) {
    return 'this drupald has begun it, and has no process of PHP for it';
  }
  if (!owner) {
    return 'the drupald that had it in hand is gone';
  }
  if (Math.abs(owner.silence) < patience) {
    return undefined;
  }
  const since = formatDuration(Math.abs(owner.silence) * 1000);
  return `the drupald that had it in hand (process ${owner.pid} on ${owner.host}) has given no sign of life for ${since}`;
}
