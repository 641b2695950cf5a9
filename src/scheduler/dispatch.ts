import type { Outcome } from '../process/outcome.js';
import type { AskedFor, StartContext } from '../sites/request.js';
import type { SiteUri } from '../sites/site-uri.js';
import type { ServedSite } from './served-site.js';

/**
 * What is known of workers that died with a start in hand. The claim of one may still be on
 * its way to the database when it is dead, and is made behind its end.
 */
export interface Doubt {
  /** Milliseconds since 1970 at which the first of them got the start. */
  readonly from: number;
  /** Milliseconds since 1970 at which the last of them was dead. */
  readonly until: number;
  /** What the last of them came to. */
  readonly cause: Outcome;
}

/** One start that was taken: all that is kept of it until it runs. */
export interface Dispatch {
  /** Id of the run, unique for ever. */
  readonly id: string;
  readonly site: ServedSite;
  readonly uri: SiteUri;
  /** In the row's own spelling. */
  readonly handle: string;
  /** Empty for a run of an earlier daemon until its row has been read. */
  token: string;
  /** The row's stamp when it was taken: names this very start among all of the handle. */
  readonly stamp: string;
  readonly callback: string;
  /** Drupal's number of the user whose process it is. */
  readonly uid: number;
  /** Name of the service host that it was dispatched to. */
  readonly serviceHost: string;
  readonly context: StartContext;
  /** How the start was asked for; undefined: no request of it is known. */
  readonly asked: AskedFor | undefined;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** The same moment in monotonic milliseconds. */
  readonly arrivedAt: number;
  /** Counts up with every start that is taken: the order of arrival. */
  readonly order: number;
  /** How often a worker was tried that died before it claimed. */
  attempts: number;
  /** How often the database could not do it, which counts as no attempt. */
  hindered: number;
  /** A worker that died before it was known whether it had claimed; undefined: there was none. */
  doubt: Doubt | undefined;
  /** How often it has been begun before, by the rule for its callback. */
  tries: number;
}

/** Under which a start is known while it waits or runs: the same row is never taken twice. */
export function dispatchKey(dispatch: Pick<Dispatch, 'handle' | 'stamp'>): string {
  return `${dispatch.stamp} ${dispatch.handle}`;
}
