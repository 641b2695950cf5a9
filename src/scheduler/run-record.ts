import type { Isolation } from '../config/config.js';
import { FirstCause } from '../process/first-cause.js';
import type { ProcessIdentity } from '../process/identity.js';
import type { Outcome } from '../process/outcome.js';
import { coreCronCallback, cronHookCallback } from '../process/own-callback.js';
import { mayMove, type RunState } from '../process/states.js';
import type { LedgerRun } from '../store/ledger-line.js';
import { Deferred } from '../support/deferred.js';
import type { RunMessage } from '../workers/protocol.js';
import type { Worker, WorkerExit } from '../workers/worker.js';
import type { Dispatch } from './dispatch.js';

/** The worker of a run; one that an earlier daemon began has no connection. */
export type RunWorker = Pick<Worker, 'pid' | 'kill'> & { readonly connection?: Pick<Worker['connection'], 'send'> };

/** One run while the daemon has it in hand: who, where, since when. */
export class RunRecord {
  readonly dispatch: Dispatch;
  readonly cause = new FirstCause();
  /** Milliseconds since 1970. */
  readonly dispatchedAt: number;
  /** Milliseconds from acceptance to dispatch. */
  readonly waitedMs: number;
  /** Resolves when its worker has left it: dead, or ready for another job. */
  left = new Deferred();
  /** Whether it has to boot for itself, because a warm worker was stale. */
  fresh = false;
  /** How its worker was made. */
  isolation: Isolation | undefined;
  /** Milliseconds since 1970. */
  claimedAt: number | undefined;
  /** How its worker ended, and when the run did (seconds since 1970). */
  exit: { readonly seen: WorkerExit; readonly at: number } | undefined;
  /** The row's stamp since the claim. */
  claimStamp: string | undefined;
  /** The value of its locks in the site's table; empty: the site keeps them elsewhere. */
  lock = '';
  /** Numbers of its sessions in the databases, as far as its worker has told of them. */
  connections: readonly number[] = [];
  /** What a process of our own has begun so far, in order. */
  readonly steps: string[] = [];
  /** Why it was stopped, by whom; undefined: it was not. */
  stopped: Outcome | undefined;
  /** Whether all is known that its worker has told so far; of a run of an earlier daemon not at once. */
  isHeard = true;
  /** Called when a step is added that its worker has not told. */
  onStep: (name: string) => void = () => undefined;
  /** Called when somebody stops it. */
  onStop: (cause: Outcome) => void = () => undefined;
  /** Where it was when it was asked, innermost call first; undefined: it did not answer. */
  stack: readonly string[] | undefined;
  /** Whether it answers. */
  tellsStack = false;
  /** Called when it has answered. */
  onStack: () => void = () => undefined;
  /** Seconds since 1970 until which no other run of its handle had begun; undefined: its row is still its own. */
  ownUntil: number | undefined;
  /** Whether the run itself has changed its row: then nobody else has taken it away. */
  touchedRow = false;
  #worker: RunWorker | undefined;
  #isEnough = false;
  #state: RunState = 'starting';
  /** Monotonic milliseconds. */
  #claimedTick: number | undefined;

  /** @param dispatchedAt milliseconds since 1970 at which an earlier daemon dispatched it */
  constructor(dispatch: Dispatch, dispatchedAt?: number) {
    this.dispatch = dispatch;
    // Cron asks REQUEST_TIME how late it is.
    this.fresh = dispatch.callback === coreCronCallback || dispatch.callback === cronHookCallback;
    this.dispatchedAt = dispatchedAt ?? Date.now();
    this.waitedMs =
      dispatchedAt === undefined
        ? Math.round(performance.now() - dispatch.arrivedAt)
        : Math.max(0, dispatchedAt - dispatch.acceptedAt);
  }

  get state(): RunState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#worker?.pid;
  }

  /** The worker that has it. */
  get worker(): RunWorker | undefined {
    return this.#worker;
  }

  /** It gets a worker. */
  take(worker: RunWorker, isolation: Isolation | undefined): void {
    this.#worker = worker;
    this.isolation = isolation;
    this.left = new Deferred();
  }

  /** @throws Error for a move that the table of states does not know: a defect of ours. */
  move(to: RunState): void {
    if (to === this.#state) {
      return;
    }
    if (!mayMove(this.#state, to)) {
      throw new Error(`a run cannot go from ${this.#state} to ${to}`);
    }
    this.#state = to;
  }

  /** Follows what its worker says. */
  follow(message: RunMessage): void {
    if (message.type === 'claimed') {
      this.claimed(Date.now());
      this.claimStamp = message.stamp;
      this.lock = message.lock;
      this.connections = message.connections;
      this.tellsStack = message.stack === true;
      this.move('running');
      this.#sayEnough();
    } else if (message.type === 'ended' && this.#state === 'running') {
      this.move('closing');
    } else if (message.type === 'step') {
      this.steps.push(message.name);
    } else if (message.type === 'row-touched') {
      this.touchedRow = true;
    } else if (message.type === 'stack') {
      this.stack = message.frames;
      this.onStack();
    }
  }

  /** Follows what its worker has said to an earlier daemon or has written down, some of it twice. */
  hear(message: RunMessage): void {
    if (message.type !== 'step' || !this.steps.includes(message.name)) {
      this.follow(message);
    }
  }

  /** Adds a step that its worker does not know of. */
  addStep(name: string): void {
    this.steps.push(name);
    this.onStep(name);
  }

  /** Whether its worker is to begin nothing further. */
  get isEnough(): boolean {
    return this.#isEnough;
  }

  /**
   * Has its worker end as soon as what it does now is done: of a queue, its present item. One that an
   * earlier daemon began hears nothing, and does so by itself.
   *
   * @returns false: it was told before
   */
  finishSoon(): boolean {
    if (this.#isEnough) {
      return false;
    }
    this.#isEnough = true;
    this.#sayEnough();
    return true;
  }

  /** Not before the claim: until then its job may be on the way. */
  #sayEnough(): void {
    if (this.#isEnough && this.claimStamp !== undefined) {
      this.#worker?.connection?.send({ type: 'enough' });
    }
  }

  /** As it is written down for the next daemon. */
  note(worker: ProcessIdentity): LedgerRun {
    const { id, site, uri, handle, callback, uid, stamp, serviceHost, acceptedAt, attempts, tries } = this.dispatch;
    return {
      id,
      site: site.name,
      uri: uri.url,
      handle,
      callback,
      uid,
      stamp,
      serviceHost,
      acceptedAt,
      dispatchedAt: this.dispatchedAt,
      attempts,
      tries,
      isolation: this.isolation ?? 'fresh',
      pid: worker.pid,
      startTicks: worker.startTicks,
    };
  }

  /** It was claimed so many milliseconds since 1970. */
  claimed(at: number): void {
    this.claimedAt = at;
    this.#claimedTick = performance.now() - Math.max(0, Date.now() - at);
  }

  /** Whole milliseconds since the claim, whatever became of the clock. */
  get ranMs(): number {
    return this.#claimedTick === undefined ? 0 : Math.round(performance.now() - this.#claimedTick);
  }

  /**
   * When it ended, in seconds since 1970: never before its claim, or what it has left
   * would look like another's that began later. The clock may have been set back.
   *
   * @param told by its worker
   */
  endedAt(told?: number): number {
    const at = told ?? Date.now() / 1000;
    const claim = Number(this.claimStamp ?? 0);
    return at >= claim ? at : claim + Math.max(1, this.ranMs / 1000);
  }
}
