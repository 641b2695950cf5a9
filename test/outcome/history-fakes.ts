import type { EndedRun, PastRun } from '../../src/process/ended-run.js';
import type { Ending } from '../../src/outcome/past-runs.js';

/** A run that ended well at this second. */
export function endedRun(id: string, ended: number, changes: Partial<EndedRun> = {}): EndedRun {
  return {
    id,
    site: 'http://a.test',
    handle: `handle-${id}`,
    callback: 'my_callback',
    serviceHost: 'default',
    uid: 0,
    accepted: ended - 2,
    dispatched: ended - 2,
    started: ended - 1,
    ended,
    waitedMs: 0,
    outcome: 'completed',
    sentence: '',
    attempts: 1,
    ...changes,
  };
}

/** The same on its way into the history, with a log that is not there. */
export function ending(id: string, ended: number, changes: Partial<EndedRun> = {}, token = 'a-token-of-a-run'): Ending {
  return { run: endedRun(id, ended, changes), log: '/nowhere/at-all.log', token };
}

/** An error as the driver throws it. */
export function databaseError(code: string): Error {
  return Object.assign(new Error('no'), { code });
}

/** A table that is an array. */
export class FakeTable {
  rows: PastRun[] = [];
  /** Sizes of the statements. */
  readonly statements: number[] = [];
  failure: Error | undefined;
  prepareFailure: Error | undefined;
  progressTold = new Map<string, { fraction: number; message: string; start: number; end: number }>();
  /** Lists of handles whose progress was asked for. */
  readonly asked: (readonly string[])[] = [];

  prepare(): Promise<void> {
    const failure = this.prepareFailure ?? this.failure;
    return failure ? Promise.reject(failure) : Promise.resolve();
  }

  insert(runs: readonly PastRun[]): Promise<void> {
    if (this.failure) {
      return Promise.reject(this.failure);
    }
    this.statements.push(runs.length);
    this.rows.push(...runs);
    return Promise.resolve();
  }

  find(): Promise<PastRun[]> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve([...this.rows]);
  }

  progress(handles: readonly string[]): Promise<FakeTable['progressTold']> {
    this.asked.push(handles);
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.progressTold);
  }

  pruneOlder(before: number, limit: number): Promise<number> {
    return this.#remove(({ ended }) => ended < before, limit);
  }

  edge(count: number): Promise<{ ended: number; seq: number } | undefined> {
    const row = [...this.rows].sort((a, b) => b.ended - a.ended)[count];
    return Promise.resolve(row && { ended: row.ended, seq: 0 });
  }

  pruneFrom(edge: { ended: number }, limit: number): Promise<number> {
    return this.#remove(({ ended }) => ended <= edge.ended, limit);
  }

  #remove(wanted: (run: PastRun) => boolean, limit: number): Promise<number> {
    const gone = this.rows.filter(wanted).slice(0, limit);
    this.rows = this.rows.filter((run) => !gone.includes(run));
    return Promise.resolve(gone.length);
  }
}
