import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { fail, type DrupaldError, type ErrorName } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { lockedCallback } from '../process/callback-name.js';
import { execStatus } from '../process/states.js';
import type { HostEntry, HostMap } from '../sites/host-map.js';
import { filterHeaders, withoutToken, type AskedFor, type StartContext } from '../sites/request.js';
import type { SiteUri } from '../sites/site-uri.js';
import { databaseReason } from '../store/database.js';
import type { ProcessRow, ProcessStore } from '../store/process-store.js';
import { FailureBrake } from './failure-brake.js';
import { RecentStarts } from './recent-starts.js';
import { parseStartUrl, type StartReading } from './start-url.js';
import { plainAddress, type TrustedPeers } from './trusted-peers.js';

/** A start request as it came over the wire. */
export interface StartRequest {
  /** Raw request target, not decoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Address of the peer. */
  readonly peer: string;
  readonly peerPort: number;
}

/** What intake needs to know of a site. */
export interface StartSite {
  readonly name: string;
  readonly store: ProcessStore;
  /** Does what can be done while the row is being looked up. */
  anticipate(uri: SiteUri): void;
}

/** A start that may be taken: its row and what came with the request. */
export interface AcceptedStart<S> extends HostEntry<S> {
  readonly row: ProcessRow;
  readonly context: StartContext;
  /** The request; undefined: it is not known. */
  readonly asked?: AskedFor | undefined;
  /** Monotonic milliseconds at which the request came. */
  readonly arrivedAt: number;
}

/** Whoever takes accepted starts. */
export interface StartTaker<S> {
  offer(start: AcceptedStart<S>): Promise<'taken' | 'known' | 'full' | 'stopping'>;
  /** Whether no start is taken any more, because the daemon is stopping. */
  readonly closed: boolean;
  /** How many starts wait, for the answer of a full list. */
  readonly waiting: number;
}

/** The answer to a start request; the caller of the module never reads it, operators do. */
export interface StartAnswer {
  readonly status: number;
  readonly text: string;
}

export interface IntakeOptions<S extends StartSite> {
  readonly hosts: HostMap<S>;
  readonly taker: StartTaker<S>;
  readonly trusted: TrustedPeers;
  readonly bus: EventBus;
  /** Milliseconds during which a row may still appear. */
  readonly lookupWait: number;
  /** Requests that may wait for a row or for a slowed answer. */
  readonly waitersMax: number;
}

/** Header of a start that the daemon has given back to the site. */
export const handBackHeader = 'x-drupald-hand-back';

/** Milliseconds between two looks for a row that is not there yet. */
const lookPauses = [10, 20, 40, 80, 150] as const;

/**
 * The one door for starts: from a raw request to a taken start or a reason why not.
 *
 * Order as on the stock site (contract §2.3): which site, which row, which token;
 * only then whether it can be started.
 */
export class StartIntake<S extends StartSite> {
  readonly #options: IntakeOptions<S>;
  readonly #brake = new FailureBrake();
  readonly #recent = new RecentStarts();
  #waiters = 0;

  constructor(options: IntakeOptions<S>) {
    this.#options = options;
  }

  /** Accepts or refuses one start. Never throws. */
  async accept(request: StartRequest): Promise<StartAnswer> {
    const peer = plainAddress(request.peer);
    const about: { site?: string; handle?: string } = {};
    try {
      return await this.#accept(request, peer, about);
    } catch (error) {
      const coded = asCoded(error);
      this.#options.bus.emit('start.refused', {
        ...about,
        code: coded.code,
        status: coded.httpStatus ?? 500,
        reason: coded.message,
        peer,
      });
      return { status: coded.httpStatus ?? 500, text: `${coded.message}\n` };
    }
  }

  async #accept(request: StartRequest, peer: string, about: { site?: string; handle?: string }): Promise<StartAnswer> {
    const { hosts, trusted, taker, bus } = this.#options;
    const arrivedAt = performance.now();
    const start = parseStartUrl(request.url, hosts.basePaths);
    if (!start) {
      throw fail('START_NOT_FOUND');
    }
    if (taker.closed) {
      throw fail('START_UNAVAILABLE', { reason: 'the daemon is stopping' });
    }
    if (request.headers[handBackHeader] !== undefined) {
      // A proxy rule sends it round in a circle; its fallback is the site itself.
      throw fail('START_UNAVAILABLE', { reason: 'this start was given back to the site' });
    }
    const isTrusted = trusted.has(peer);
    const header = (name: string): string | undefined => single(request.headers[name]);
    const entry = hosts.find({
      host: header('host'),
      ...(isTrusted
        ? {
            forwardedHost: header('x-forwarded-host'),
            forwardedProto: header('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase(),
          }
        : {}),
      basePath: start.basePath,
    });
    if (!entry) {
      throw fail('START_FOREIGN_HOST', { host: header('host') ?? '' });
    }
    about.site = entry.target.name;
    const readings = [start, ...(start.tokenCandidates ?? [])];
    about.handle = shown(start.handles[0] ?? '');
    const found = this.#find(entry.target.store, readings, peer, isTrusted ? header('x-forwarded-for') : undefined);
    if (taker.waiting === 0) {
      entry.target.anticipate(entry.uri);
    }
    const row = await found;
    if (row === 'ended') {
      return { status: 200, text: 'Taken already.\n' };
    }
    about.handle = row.handle;
    const context: StartContext = {
      remote: peer,
      remotePort: request.peerPort,
      headers: filterHeaders(request.headers, isTrusted),
      prefix: start.prefix,
    };
    const known = startable(row);
    if (known) {
      return { status: 200, text: known };
    }
    const target = withoutToken(request.url, row.token);
    const asked = target === undefined ? undefined : { host: header('host') ?? '', target };
    const offer = await taker.offer({ ...entry, row, context, asked, arrivedAt });
    if (offer === 'full') {
      throw fail('START_BACKLOG_FULL', { count: taker.waiting, handle: row.handle });
    }
    if (offer === 'stopping') {
      throw fail('START_UNAVAILABLE', { reason: 'the daemon is stopping' });
    }
    if (offer === 'taken') {
      this.#recent.add(row);
      bus.emit('start.accepted', { site: entry.target.name, handle: row.handle, callback: row.callback });
    }
    return { status: 200, text: offer === 'taken' ? 'Taken.\n' : 'Taken already.\n' };
  }

  /** The row that the request names, with the right token; `ended` for a repetition whose run is over. */
  async #find(
    store: ProcessStore,
    readings: readonly StartReading[],
    peer: string,
    forwarded: string | undefined,
  ): Promise<ProcessRow | 'ended'> {
    const handles = [...new Set(readings.flatMap((reading) => reading.handles))];
    const handle = shown(handles[0] ?? '');
    let rows = await look(store, handles);
    if (rows.length === 0 && this.#recent.has(readings)) {
      return 'ended';
    }
    if (rows.length === 0) {
      rows = await this.#wait(async () => lookAgain(store, handles, this.#options.lookupWait));
    }
    if (rows.length === 0) {
      throw fail('START_UNKNOWN_PROCESS', { handle });
    }
    const row = match(rows, readings);
    if (!row) {
      // Behind a proxy every peer is the proxy: then the address it names counts.
      const address = forwarded?.split(',').at(-1)?.trim() ?? peer;
      const delay = this.#brake.note([`handle ${rows[0]?.handle ?? handle}`, `address ${address}`]);
      if (delay > 0) {
        await this.#wait(() => pause(delay));
      }
      throw fail('START_DENIED', { handle });
    }
    return row;
  }

  async #wait<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiters >= this.#options.waitersMax) {
      throw fail('START_UNAVAILABLE', { reason: 'too many requests are waiting for their row' });
    }
    this.#waiters += 1;
    try {
      return await work();
    } finally {
      this.#waiters -= 1;
    }
  }
}

/** A handle for logs and answers before its row is known: one reading of an address takes the token for a part of it. */
function shown(handle: string): string {
  return handle.replace(/\/[0-9a-f]{32}(?=\/|$)/gi, '/…');
}

/** A start may have been sent inside a transaction that is not committed yet. */
async function lookAgain(store: ProcessStore, handles: readonly string[], wait: number): Promise<ProcessRow[]> {
  const until = performance.now() + wait;
  for (let round = 0; performance.now() < until; round += 1) {
    const next = lookPauses[Math.min(round, lookPauses.length - 1)] ?? 150;
    await pause(Math.max(1, Math.min(next, until - performance.now())));
    const rows = await look(store, handles);
    if (rows.length > 0) {
      return rows;
    }
  }
  return [];
}

async function look(store: ProcessStore, handles: readonly string[]): Promise<ProcessRow[]> {
  try {
    return await store.find(handles);
  } catch (error) {
    throw fail(
      'START_UNAVAILABLE',
      { reason: `the database does not answer: ${databaseReason(error)}` },
      { cause: error },
    );
  }
}

/** Which of the rows is meant shows the token; among equals the likeliest reading of the handle. */
function match(rows: readonly ProcessRow[], readings: readonly StartReading[]): ProcessRow | undefined {
  for (const reading of readings) {
    const right = rows.filter((row) => sameToken(row.token, reading.token));
    for (const handle of reading.handles) {
      const row = right.find((candidate) => candidate.handle === handle);
      if (row) {
        return row;
      }
    }
    if (right[0]) {
      return right[0];
    }
  }
  return undefined;
}

/** Compares in constant time; an empty token is never right (contract §6a). */
function sameToken(token: string, shown: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(token), digest(shown)) && token !== '' && shown !== '';
}

/** Undefined: may be started. A text: nothing to do, and that is well. */
function startable(row: ProcessRow): string | undefined {
  if (row.callback === lockedCallback) {
    throw fail('START_NOT_STARTABLE', { handle: row.handle, reason: 'it is only a lock of Ultimate Cron' });
  }
  if (row.callback === '(none)') {
    throw fail('START_NOT_STARTABLE', { handle: row.handle, reason: 'it has no callback yet' });
  }
  if (row.status === execStatus.running) {
    return 'Running already.\n';
  }
  if (row.status !== execStatus.locked && row.status !== execStatus.queued) {
    throw fail('START_NOT_STARTABLE', { handle: row.handle, reason: `its status is ${row.status}` });
  }
  return undefined;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function asCoded(error: unknown): DrupaldError {
  if (error instanceof Error && 'httpStatus' in error && 'code' in error) {
    return error as DrupaldError;
  }
  const unavailable: ErrorName = 'START_UNAVAILABLE';
  return fail(unavailable, { reason: databaseReason(error) }, { cause: error });
}
