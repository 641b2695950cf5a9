import { setTimeout as pause } from 'node:timers/promises';

import type { EventBus } from '../events/bus.js';
import type { RunTable } from '../store/run-table.js';

/** Rows that one statement removes: it must not hold locks for long. */
const chunk = 500;

/** Milliseconds between two statements. */
const rest = 50;

/** Milliseconds after which is looked for runs that are too old, also when none has ended. */
const interval = 600_000;

/** What is kept, and of what. */
export interface PrunerOptions {
  readonly site: string;
  readonly table: Pick<RunTable, 'pruneOlder' | 'edge' | 'pruneFrom'>;
  readonly bus: EventBus;
  /** Milliseconds. */
  readonly maxAge: number;
  /** Runs. */
  readonly maxCount: number;
}

/** Keeps the table of past runs from growing, in small steps behind everything else. */
export class Pruner {
  readonly #options: PrunerOptions;
  /** Runs that may be written until the next look. */
  readonly #slack: number;
  #written = 0;
  #current: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PrunerOptions) {
    this.#options = options;
    this.#slack = Math.min(1_000, Math.max(1, Math.floor(options.maxCount / 10)));
  }

  /** The table is there. */
  begin(): void {
    if (!this.#timer && !this.#stopped) {
      this.#timer = setInterval(() => this.#prune(), interval).unref();
      this.#prune();
    }
  }

  /** So many runs have been written. */
  wrote(count: number): void {
    this.#written += count;
    if (this.#written >= this.#slack) {
      this.#prune();
    }
  }

  /** Resolves when no statement is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#current;
  }

  #prune(): void {
    if (this.#current || this.#stopped) {
      return;
    }
    this.#written = 0;
    this.#current = this.#run()
      // The next look removes what is left.
      .catch(() => undefined)
      .finally(() => {
        this.#current = undefined;
        if (this.#written >= this.#slack) {
          this.#prune();
        }
      });
  }

  async #run(): Promise<void> {
    const { table, maxAge, maxCount, site, bus } = this.#options;
    const before = (Date.now() - maxAge) / 1000;
    let removed = await this.#repeat(() => table.pruneOlder(before, chunk));
    const edge = await table.edge(maxCount);
    if (edge) {
      removed += await this.#repeat(() => table.pruneFrom(edge, chunk));
    }
    if (removed > 0) {
      bus.emit('history.pruned', { site, count: removed });
    }
  }

  async #repeat(step: () => Promise<number>): Promise<number> {
    let removed = 0;
    for (;;) {
      const count = await step();
      removed += count;
      if (count < chunk || this.#stopped) {
        return removed;
      }
      await pause(rest);
    }
  }
}
