import { setTimeout as pause } from 'node:timers/promises';

import { BaseComponent } from '../components/component.js';
import type { PastRun, RunFilter } from '../process/ended-run.js';
import { databaseReason, isTemporary } from '../store/database.js';
import { Backoff } from '../support/backoff.js';
import { HistoryTarget, type FoundRuns, type TargetOptions } from './history-target.js';
import { isWanted, newestFirst } from './memory-history.js';
import { completeRuns, type Ending } from './past-runs.js';
import { Secrets } from './secrets.js';

/** Milliseconds in which ends are collected before they are written. */
const interval = 250;

/** Runs in one statement: with what they printed less than half a megabyte. */
const batchSize = 50;

/** Ends that wait for the database at most. */
const queueLimit = 10_000;

/** Milliseconds that a question waits for what has just ended to be written. */
const patience = 2_000;

/** What the history of a site is made of. */
export interface SiteHistoryOptions extends TargetOptions {
  /** Words of the site that nobody may see. */
  readonly secrets: readonly string[];
  /** Told of the runs that are in the history, or are given up. */
  readonly onKept: (ids: readonly string[]) => void;
  /** Ends that wait for the database at most; another number in tests. */
  readonly queueMax?: number;
}

/**
 * Writes the ended runs of one site into its database, in batches and behind the
 * runs: nothing waits for it, and what the database does not take now it gets later.
 */
export class SiteHistory extends BaseComponent {
  readonly name = 'history';
  readonly #options: SiteHistoryOptions;
  readonly #target: HistoryTarget;
  readonly #secrets: Secrets;
  readonly #backoff = new Backoff({ firstMs: 500, maxMs: 10_000 });
  #queue: Ending[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Why the last attempt failed. */
  #away: string | undefined;
  #dropped = 0;
  #stopped = false;

  constructor(options: SiteHistoryOptions) {
    super();
    this.#options = options;
    this.#secrets = new Secrets(options.secrets);
    this.#target = new HistoryTarget(options);
  }

  /** Takes an ended run. Never throws and never waits. */
  add(ending: Ending): void {
    if (this.#options.maxCount === 0) {
      this.#options.onKept([ending.run.id]);
      return;
    }
    this.#queue.push(ending);
    if (this.#queue.length > (this.#options.queueMax ?? queueLimit)) {
      const oldest = this.#queue.shift();
      this.#options.onKept(oldest ? [oldest.run.id] : []);
      this.#drop(1);
    }
    this.#schedule(interval);
  }

  /** Past runs, newest first, with those that have just ended. Never rejects. */
  async find(filter: RunFilter): Promise<FoundRuns> {
    if (this.#options.maxCount === 0) {
      return { runs: [], note: 'past runs are not kept (history.max_count is 0)' };
    }
    await Promise.race([this.#write(), pause(patience, undefined, { ref: false })]);
    const wanted = this.#queue.filter(({ run }) => isWanted(run, filter)).slice(-filter.limit);
    const pending = await completeRuns(wanted, new Map(), this.#secrets);
    try {
      const { runs, ...about } = await this.#target.find(filter);
      return { runs: newestFirst([...pending, ...runs], filter), ...about };
    } catch (error) {
      const note = `the database does not answer, so past runs are missing (${databaseReason(error)})`;
      return { runs: newestFirst(pending, filter), note };
    }
  }

  protected override onStart(): void {
    if (this.#options.maxCount > 0) {
      // Makes the table; nothing waits for it.
      void this.#write();
    }
  }

  protected override async onStop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#queue.length > 0) {
      await this.#write();
    }
    // What the database does not take now stands in the ledger.
    await this.#target.stop();
    this.#tellDropped();
  }

  #schedule(ms: number): void {
    if (!this.#stopped && !this.#writing) {
      this.#timer ??= setTimeout(() => void this.#write(), ms);
    }
  }

  /** Writes all that waits; several callers share one attempt. Never rejects. */
  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing ??= this.#writeAll()
      .then(
        () => this.#isBack(),
        (error: unknown) => this.#isAway(error),
      )
      .finally(() => {
        this.#writing = undefined;
        if (this.#away !== undefined || this.#queue.length > 0) {
          this.#schedule(this.#away === undefined ? interval : this.#backoff.next());
        }
      });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    await this.#target.prepare();
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, batchSize);
      const runs = await this.#complete(batch);
      const kept = await this.#target.write(runs);
      this.#options.onKept(runs.map(({ id }) => id));
      const done = new Set(batch);
      this.#queue = this.#queue.filter((ending) => !done.has(ending));
      if (kept) {
        this.#options.bus.emit('history.written', { site: this.#options.site, count: runs.length });
      } else {
        this.#drop(runs.length);
      }
    }
  }

  async #complete(batch: readonly Ending[]): Promise<PastRun[]> {
    const handles = [...new Set(batch.map(({ run }) => run.handle))];
    const told = await this.#options.table.progress(handles).catch((error: unknown) => {
      if (isTemporary(error)) {
        throw error;
      }
      // A site without that table, or without the right to read it, has its history all the same.
      return new Map<string, never>();
    });
    return completeRuns(batch, told, this.#secrets);
  }

  #isBack(): void {
    this.#away = undefined;
    this.#backoff.reset();
    this.#tellDropped();
  }

  #isAway(error: unknown): void {
    const first = this.#away === undefined;
    this.#away = databaseReason(error);
    if (first && this.#queue.length > 0) {
      this.#options.bus.emit('history.postponed', { site: this.#options.site, reason: this.#away });
    }
  }

  #drop(count: number): void {
    const first = this.#dropped === 0;
    this.#dropped += count;
    if (first) {
      this.#options.bus.emit('history.dropped', { site: this.#options.site, count });
    }
  }

  /** The first were told at once, the sum is told when it is over. */
  #tellDropped(): void {
    if (this.#dropped > 1) {
      this.#options.bus.emit('history.dropped', { site: this.#options.site, count: this.#dropped });
    }
    this.#dropped = 0;
  }
}
