import { phpMember, readPhp, type PhpArray, type PhpValue } from '../process/php-value.js';

/** What a batch says of itself. */
export interface BatchState {
  /** Drupal's number of its starter; 0 also where it is not noted. */
  readonly uid: number;
  /** Whether its starter is noted in it: by the module background_batch, or by us. */
  readonly hasOwner: boolean;
  /** Whether pages of Drupal's own run it step by step: not those of update.php, for instance. */
  readonly isPaged: boolean;
  /** Whether a process of ours has ever had it in hand. */
  readonly isOurs: boolean;
  readonly title: string;
  /** Operations of all sets that are known by now, and how many of them are left. */
  readonly total: number;
  readonly left: number;
  /** Why it goes on no more; `finished`: also its callbacks have run, here. */
  readonly over: 'done' | 'stopped' | 'finished' | undefined;
  /** The text by which its starter learns why it was stopped. */
  readonly end: string;
  /** How often its present operation has failed, and why the last time. */
  readonly failures: number;
  readonly why: string;
}

/**
 * Reads the row of a batch.
 *
 * @param data as PHP serializes it
 * @returns undefined: it cannot be read
 */
export function readBatch(data: Buffer): BatchState | undefined {
  let value: PhpValue;
  try {
    value = readPhp(data);
  } catch {
    return undefined;
  }
  const sets = phpMember(value, 'sets');
  if (!(sets instanceof Map)) {
    return undefined;
  }
  const current = phpMember(value, 'sets', String(number(phpMember(value, 'current_set'))));
  if (!(current instanceof Map)) {
    return undefined;
  }
  const all = [...(sets as PhpArray).values()];
  const sum = (key: string): number => all.reduce<number>((total, set) => total + number(phpMember(set, key)), 0);
  const over = phpMember(value, 'drupald', 'over');
  const noted = (key: string): number => number(phpMember(value, 'drupald', key));
  const uid = phpMember(value, 'uid');
  return {
    uid: number(uid),
    hasOwner: uid !== undefined,
    isPaged: phpMember(value, 'url') === 'batch' && phpMember(value, 'progressive') === true,
    isOurs: phpMember(value, 'drupald') !== undefined,
    title: text(phpMember(current, 'title')),
    // Of one that was finished here the sets are gone; of one that was stopped the present one says that nothing is left.
    total: over === 'finished' ? noted('total') : sum('total'),
    left: over === 'finished' ? noted('left') : sum('count') + (over === 'stopped' ? noted('count') : 0),
    over: over === 'done' || over === 'stopped' || over === 'finished' ? over : undefined,
    end: text(phpMember(value, 'drupald', 'end')),
    failures: noted('times'),
    why: text(phpMember(value, 'drupald', 'why')),
  };
}

function number(value: PhpValue | undefined): number {
  const found = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0;
  return Number.isFinite(found) ? found : 0;
}

function text(value: PhpValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
