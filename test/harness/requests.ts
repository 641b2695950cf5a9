import type { Bench } from './bench.js';
import { detail, event } from './fixture-log.js';
import { runToEnd } from './run.js';

/** What `drupald_fixture_requests()` is to do. */
export interface RequestPlan {
  /** Prefix of the functions that make the requests. */
  readonly functions: 'background_process' | 'drupald';
  /** Addresses and options by name; `told` asks for a callback that is written down, `throws` for one that fails. */
  readonly requests: Readonly<Record<string, readonly [string, Readonly<Record<string, unknown>>]>>;
  /** Options of the pump; without it there is none. */
  readonly process?: Readonly<Record<string, unknown>>;
}

/** A result as the fixture wrote it down. */
export interface RequestSeen {
  readonly url: string;
  readonly code: number | string | null;
  readonly error: string | null;
  readonly protocol: string | null;
  readonly status_message: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly request: string | null;
  readonly redirect_code: number | string | null;
  readonly redirect_url: string | null;
  readonly file: string | null;
  /** The body; of a large one its length and MD5. */
  readonly data: string | null;
  readonly begun: boolean;
  readonly ended: boolean;
}

/** What came of a plan. */
export interface RequestsSeen {
  readonly results: Readonly<Record<string, RequestSeen>>;
  /** Code and address of each call of the callback. */
  readonly told: readonly (readonly [number | string | null, string])[];
  /** What the pump threw. */
  readonly thrown: string | null;
  /** What PHP ran in. */
  readonly sapi: string;
}

/** Carries out a plan in a worker of drupald. */
export async function requestsOf(bench: Bench, plan: RequestPlan): Promise<RequestsSeen> {
  const run = await runToEnd(bench, 'drupald_fixture_requests', [plan]);
  return detail(await event(bench.site, run.handle, 'requests')) as RequestsSeen;
}
