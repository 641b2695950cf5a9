import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { FileWatch } from './file-watch.js';
import type { Staying } from './protocol.js';
import type { Worker } from './worker.js';
import { readsSame } from './zygote.js';

/** When a worker that runs many is let go, after the run that it is in. */
export interface SharedLimits {
  /** Runs. */
  readonly maxRuns: number;
  /** Milliseconds. */
  readonly maxAge: number;
  /** Bytes of PHP's memory after a run. */
  readonly maxMemory: number;
  /** Milliseconds without a run. */
  readonly idle: number;
}

/** A worker that runs many, and what it was made from. */
interface Resident {
  readonly worker: Worker;
  readonly server: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 from which on its files may have been read. */
  readonly since: number;
  /** File for what programs print that its callbacks start. */
  readonly log: string;
  /** Monotonic milliseconds. */
  readonly bornAt: number;
  files: readonly string[];
  reads: readonly string[];
  watch: FileWatch | undefined;
  runs: number;
  /** Ends its rest. */
  idle: NodeJS.Timeout | undefined;
}

/** What a run that is to share its worker needs. */
export interface SharedWanted {
  readonly server: Readonly<Record<string, string>>;
  /** Monotonic milliseconds at which its start was accepted. */
  readonly arrivedAt: number;
}

/** Where a worker comes from that is to run many. */
export interface Origin {
  /** The request that its settings saw. */
  readonly server: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 from which on its files may have been read. */
  readonly since: number;
  /** What is known before its first run of the files that it has loaded, and of what its settings read. */
  readonly watch?: FileWatch;
  readonly reads?: readonly string[];
}

/** A worker out of the pool; `giveBack` puts it there again when it stays. */
export interface SharedWorker {
  readonly worker: Worker;
  /** What a job says to a worker that may stay. */
  readonly stay: { readonly log: string; readonly maxMemory: number };
  readonly giveBack: (staying: Staying | undefined) => void;
}

/** Workers of one site address that run many processes, one after another (isolation `shared`). */
export class SharedPool {
  readonly #limits: SharedLimits;
  readonly #logs: string;
  readonly #waiting = new Set<Resident>();
  #closed = false;

  constructor(limits: SharedLimits, logs: string) {
    this.#limits = limits;
    this.#logs = logs;
  }

  /** Whether a worker waits for a run. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** The worker that has rested for the shortest time and is still true; undefined: there is none. */
  take(wanted: SharedWanted): SharedWorker | undefined {
    for (const resident of [...this.#waiting].reverse()) {
      this.#waiting.delete(resident);
      clearTimeout(resident.idle);
      if (this.#isTrue(resident, wanted)) {
        return this.#lend(resident);
      }
      resident.worker.connection.close();
    }
    return undefined;
  }

  /** Makes a worker, whose jobs say that it may stay, one of this pool, and lends it. */
  adopt(worker: Worker, id: string, origin: Origin): SharedWorker {
    const resident: Resident = {
      worker,
      server: origin.server,
      since: origin.since,
      log: join(this.#logs, `shared-${id}.log`),
      bornAt: performance.now(),
      files: [],
      reads: origin.reads ?? [],
      watch: origin.watch,
      runs: 0,
      idle: undefined,
    };
    void worker.connection.closed.then(() => {
      clearTimeout(resident.idle);
      this.#waiting.delete(resident);
    });
    void worker.ended.then(() => rm(resident.log, { force: true }));
    return this.#lend(resident);
  }

  /** Makes a worker that has no job yet one of this pool, for whoever comes next. */
  lay(worker: Worker, id: string, origin: Origin): void {
    this.adopt(worker, id, origin).giveBack(undefined);
  }

  /** Lets all go that wait; those that run go after their run. */
  close(): void {
    this.#closed = true;
    for (const { worker } of this.#waiting) {
      worker.connection.close();
    }
    this.#waiting.clear();
  }

  #lend(resident: Resident): SharedWorker {
    return {
      worker: resident.worker,
      stay: { log: resident.log, maxMemory: this.#limits.maxMemory },
      giveBack: (staying) => this.#giveBack(resident, staying),
    };
  }

  #giveBack(resident: Resident, staying: Staying | undefined): void {
    const { worker } = resident;
    if (staying) {
      resident.runs += 1;
      resident.reads = staying.reads;
    }
    if (staying && staying.files.length > 0) {
      resident.files = [...resident.files, ...staying.files];
      resident.watch = new FileWatch(resident.files, resident.since);
    }
    const { maxRuns, maxAge, idle } = this.#limits;
    if (this.#closed || resident.runs >= maxRuns || performance.now() - resident.bornAt > maxAge) {
      worker.connection.close();
      return;
    }
    this.#waiting.add(resident);
    resident.idle = setTimeout(() => {
      if (this.#waiting.delete(resident)) {
        worker.connection.close();
      }
    }, idle);
    resident.idle.unref();
  }

  #isTrue(resident: Resident, wanted: SharedWanted): boolean {
    return (
      performance.now() - resident.bornAt <= this.#limits.maxAge &&
      readsSame(resident.reads, resident.server, wanted.server) &&
      resident.watch?.changedAt(wanted.arrivedAt) === undefined
    );
  }
}
