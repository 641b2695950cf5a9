import type { EventBus } from '../events/bus.js';
import type { PastRun, RunFilter } from '../process/ended-run.js';
import { databaseReason, isDenied, isTemporary } from '../store/database.js';
import type { RunTable } from '../store/run-table.js';
import { MemoryHistory } from './memory-history.js';
import { Pruner } from './pruner.js';

/** Runs that are kept in memory where the database may not keep them. */
const memoryLimit = 1_000;

/** Times that the database may refuse runs for a reason of its own until they are given up. */
const refusalLimit = 3;

/** Where the past runs of a site go, and how many of them stay. */
export interface TargetOptions {
  /** Main address of the site. */
  readonly site: string;
  readonly table: Pick<RunTable, 'prepare' | 'insert' | 'find' | 'progress' | 'pruneOlder' | 'edge' | 'pruneFrom'>;
  readonly bus: EventBus;
  /** Milliseconds. */
  readonly maxAge: number;
  /** Runs; 0: none are kept. */
  readonly maxCount: number;
}

/** Past runs of one site, and what is to be known about them. */
export interface FoundRuns {
  readonly runs: readonly PastRun[];
  /** Why they will not be there for long. */
  readonly note?: string;
}

/** What keeps the past runs of a site: its database, or this process where the database may not. */
export class HistoryTarget {
  readonly #options: TargetOptions;
  readonly #pruner: Pruner;
  #ready = false;
  /** Instead of the table. */
  #memory: { readonly history: MemoryHistory; readonly reason: string } | undefined;
  #refusals = 0;

  constructor(options: TargetOptions) {
    this.#options = options;
    this.#pruner = new Pruner(options);
  }

  /** Makes sure that there is something to write to. Throws what the database throws when it is away. */
  async prepare(): Promise<void> {
    if (this.#ready || this.#memory) {
      return;
    }
    try {
      await this.#options.table.prepare();
      this.#ready = true;
      this.#pruner.begin();
    } catch (error) {
      if (!isDenied(error)) {
        throw error;
      }
      const reason = databaseReason(error);
      const { maxAge, maxCount, site, bus } = this.#options;
      this.#memory = { history: new MemoryHistory(Math.min(maxCount, memoryLimit), maxAge), reason };
      bus.emit('history.in-memory', { site, reason });
    }
  }

  /**
   * Keeps runs.
   *
   * @returns false: the database does not want them, whatever is done
   * @throws what the database throws; the same may work later
   */
  async write(runs: readonly PastRun[]): Promise<boolean> {
    if (this.#memory) {
      this.#memory.history.add(runs);
      return true;
    }
    try {
      await this.#options.table.insert(runs);
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (!isTemporary(error) && code.startsWith('ER_')) {
        // The table may be gone, or the right to write: that is looked at anew.
        this.#ready = false;
        this.#refusals += 1;
        if (this.#refusals >= refusalLimit) {
          this.#refusals = 0;
          return false;
        }
      }
      throw error;
    }
    this.#refusals = 0;
    this.#pruner.wrote(runs.length);
    return true;
  }

  /** Past runs, newest first. Throws what the database throws. */
  async find(filter: RunFilter): Promise<FoundRuns> {
    if (this.#memory) {
      const { history, reason } = this.#memory;
      return {
        runs: history.find(filter),
        note: `past runs are kept in memory only, until drupald stops (${reason})`,
      };
    }
    return { runs: await this.#options.table.find(this.#options.site, filter) };
  }

  /** Resolves when nothing is removed any more. */
  async stop(): Promise<void> {
    await this.#pruner.stop();
  }
}
