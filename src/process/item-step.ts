/** What a worker of a queue, or the daemon for it, has told of one item. */
export interface ItemStep {
  readonly id: number;
  /** End of the lease at the claim, in seconds since 1970. */
  readonly claim: number;
  /** Seconds since 1970. */
  readonly created: number;
  /** `exits`: it ends PHP, and not by an error; with which code its worker cannot know. */
  readonly what: 'begun' | 'ran' | 'exits' | 'failed' | 'leased';
  /** Of a failure. */
  readonly reason: string;
  /** End of a lease that is about to be renewed, in seconds since 1970; otherwise as `claim`. */
  readonly lease: number;
}

/**
 * Reads a step of a queue's worker: `ID CLAIM CREATED`, then ` .` when it ran, ` ~` when it ends PHP,
 * ` !` and why it failed, or ` =` and the end of the lease that the daemon is about to give it.
 *
 * @returns undefined: it is not about an item in the site's database
 */
export function readItemStep(step: string): ItemStep | undefined {
  const found = /^(\d+) ([1-9]\d*) (\d+)(?: ([.~])$| =(\d+)$| !([^]*)$|$)/.exec(step);
  if (!found) {
    return undefined;
  }
  const [, id, claim, created, end, lease, reason] = found;
  const what = end === '.' ? 'ran' : end === '~' ? 'exits' : lease !== undefined ? 'leased' : 'begun';
  return {
    id: Number(id),
    claim: Number(claim),
    created: Number(created),
    what: reason === undefined ? what : 'failed',
    reason: reason ?? '',
    lease: Number(lease ?? claim),
  };
}

/** What a worker has told of one item of a queue that is not kept in the site's database. */
export interface ElsewhereStep {
  readonly what: 'begun' | 'ran' | 'exits' | 'failed';
  /** Handle of the process that the item stands for; empty: it is none, or this is told elsewhere. */
  readonly handle: string;
  /** Of a failure. */
  readonly reason: string;
}

/**
 * Reads a step of such an item: `ID 0 0`, with ` @` and the handle of its process, and then as readItemStep().
 *
 * @returns undefined: it is not about one
 */
export function readElsewhereStep(step: string): ElsewhereStep | undefined {
  const found = /^\S+ 0 0(?: ([.~])$| @([^]*)$| !([^]*)$|$)/.exec(step);
  if (!found) {
    return undefined;
  }
  const [, end, handle = '', reason] = found;
  const what = end === '.' ? 'ran' : end === '~' ? 'exits' : reason === undefined ? 'begun' : 'failed';
  return { what, handle, reason: reason ?? '' };
}

/** How the end of a lease is written down before it is moved there: the next daemon knows the item by it. */
export function leaseStep(item: Pick<ItemStep, 'id' | 'claim' | 'created'>, lease: number): string {
  return `${item.id} ${item.claim} ${item.created} =${lease}`;
}

/** The steps that another daemon would have to know of a worker that is gone: of items that failed, and of the last. */
export function stepsToKeep(steps: readonly string[]): string[] {
  const last = readItemStep(steps.at(-1) ?? '');
  return steps.filter((step) => {
    const item = readItemStep(step);
    return item && (item.what === 'failed' || (item.id === last?.id && item.claim === last.claim));
  });
}
