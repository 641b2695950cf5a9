import { completed, exited, lost, signalled, type Outcome } from '../process/outcome.js';
import type { BootFailure, RunMessage } from '../workers/protocol.js';
import type { WorkerExit } from '../workers/worker.js';

type MessageOf<T extends RunMessage['type']> = Extract<RunMessage, { type: T }>;

/** What a worker has told of its run, kept message by message. */
export class RunReport {
  /** What has changed since a warm worker loaded the site; then it has claimed nothing. */
  stale: string | undefined;
  /** Its sessions in the databases, from just before its claim, and when it told of them (monotonic milliseconds). */
  sessions: { readonly ids: readonly number[]; readonly at: number } | undefined;
  claimed: MessageOf<'claimed'> | undefined;
  refused: MessageOf<'refused'> | undefined;
  postponed: MessageOf<'postponed'> | undefined;
  unclaimed = false;
  bootFailure: BootFailure | undefined;
  ended: MessageOf<'ended'>['outcome'] | undefined;
  /** Seconds since 1970. */
  endedAt: number | undefined;
  hook: 'none' | 'begun' | 'done' = 'none';
  settled: MessageOf<'settled'> | undefined;
  unsettled: string | undefined;
  done: MessageOf<'done'> | undefined;

  /** Takes one message. */
  apply(message: RunMessage): void {
    switch (message.type) {
      case 'booted':
      case 'row-touched':
      case 'stack':
      case 'step':
      case 'turn':
      case 'leaked':
        // For others to act on at once; they say nothing of the end.
        return;
      case 'stale':
        this.stale = message.what;
        return;
      case 'sessions':
        this.sessions = { ids: message.connections, at: performance.now() };
        return;
      case 'claimed':
        this.claimed = message;
        return;
      case 'refused':
        this.refused = message;
        return;
      case 'postponed':
        this.postponed = message;
        return;
      case 'unclaimed':
        this.unclaimed = true;
        return;
      case 'boot-failed':
        this.bootFailure = message;
        return;
      case 'ended':
        this.ended ??= message.outcome;
        this.endedAt ??= message.at;
        return;
      case 'hook':
        this.hook = message.state;
        return;
      case 'settled':
        this.settled = message;
        return;
      case 'unsettled':
        this.unsettled = message.message;
        return;
      case 'done':
        this.done = message;
        return;
    }
  }

  /** Whether the worker itself has left nothing to settle. */
  get isSettled(): boolean {
    return this.settled !== undefined && this.settled.hook !== 'deferred';
  }

  /**
   * How a claimed run ended: what PHP said comes first, since a death while it
   * cleans up is not the cause; then its parent's word.
   */
  outcome(exit: WorkerExit, callback: string): Outcome {
    if (this.ended && this.ended.kind !== 'exit') {
      const { kind, sentence, class: type, message, file, line } = this.ended;
      return kind === 'completed'
        ? completed
        : {
            kind,
            sentence,
            class: type ?? undefined,
            message: message ?? undefined,
            file: file ?? undefined,
            line: line ?? undefined,
          };
    }
    if (exit.signal !== undefined) {
      return signalled(exit.signal, callback);
    }
    if (exit.code !== undefined && (this.ended || exit.code !== 0)) {
      return exited(exit.code, callback);
    }
    return lost(
      callback,
      exit.seen
        ? 'it ended without a word and without an error'
        : 'its parent process died before it, so nobody saw how it ended',
    );
  }
}
