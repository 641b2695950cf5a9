/** What a worker of a queue has told of one item. */
export interface ItemStep {
  readonly id: number;
  /** End of the lease at the claim, in seconds since 1970. */
  readonly claim: number;
  /** Seconds since 1970. */
  readonly created: number;
  readonly what: 'begun' | 'ran' | 'failed';
  /** Of a failure. */
  readonly reason: string;
}

/**
 * Reads a step of a queue's worker: `ID LEASE CREATED`, then ` .` when it ran or ` !` and why it failed.
 *
 * @returns undefined: it is not about an item in the site's database
 */
export function readItemStep(step: string): ItemStep | undefined {
  const found = /^(\d+) ([1-9]\d*) (\d+)(?: (\.)$| !([^]*)$|$)/.exec(step);
  if (!found) {
    return undefined;
  }
  const [, id, claim, created, ran, reason] = found;
  return {
    id: Number(id),
    claim: Number(claim),
    created: Number(created),
    what: ran !== undefined ? 'ran' : reason !== undefined ? 'failed' : 'begun',
    reason: reason ?? '',
  };
}

/** How one step describes the item that it is about, for people. */
export function itemName(step: string | undefined): string | undefined {
  return step === undefined || step === '' ? undefined : step.split(' ', 1)[0];
}
