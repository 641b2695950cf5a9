import { setTimeout as pause } from 'node:timers/promises';

import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import { cancelled } from '../process/outcome.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { stopRun } from '../scheduler/stop-run.js';
import { partsOf } from '../support/parts.js';

/** Milliseconds between two looks. */
const interval = 1_000;

/** Milliseconds after its claim in which a run is not looked at: most are over by then. */
const youth = 500;

/** Milliseconds that the word of a worker may take which has removed its row itself. */
const patience = 250;

/** Rows that one statement asks for. */
const batch = 500;

export interface RowWatchOptions {
  readonly scheduler: Scheduler;
  readonly bus: EventBus;
  /** Whether a run ends whose row somebody else takes away. */
  readonly onUnlock: 'stop' | 'continue';
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly grace: number;
}

/**
 * Sees that somebody has unlocked a process while it runs ("Unlock" in Drupal's
 * administration, or code of the site): its row is gone, or is another start's.
 *
 * On the stock site the run goes on unseen, beside the next one of its handle.
 */
export class RowWatch extends BaseComponent {
  readonly name = 'row-watch';
  readonly #options: RowWatchOptions;
  readonly #told = new WeakSet<RunRecord>();
  readonly #looks = new Repeated(() => this.#look());

  constructor(options: RowWatchOptions) {
    super();
    this.#options = options;
  }

  protected override onStart(): void {
    this.#looks.start(interval);
  }

  protected override onStop(): Promise<void> {
    return this.#looks.stop();
  }

  async #look(): Promise<void> {
    const bySite = new Map<ServedSite, RunRecord[]>();
    for (const record of this.#options.scheduler.running) {
      if (isWatched(record) && !this.#told.has(record) && record.ranMs > youth) {
        const { site } = record.dispatch;
        bySite.set(site, [...(bySite.get(site) ?? []), record]);
      }
    }
    for (const [site, records] of bySite) {
      for (const part of partsOf(records, batch)) {
        // A database that is away says nothing about anybody.
        await this.#lookAt(site, part).catch(() => undefined);
      }
    }
  }

  async #lookAt(site: ServedSite, records: readonly RunRecord[]): Promise<void> {
    const at = Date.now() / 1000;
    const rows = await site.store.find(records.map((record) => record.dispatch.handle));
    const stamps = new Map(rows.map((row) => [row.handle, row.stamp]));
    const taken = records.filter((record) => stamps.get(record.dispatch.handle) !== record.claimStamp);
    if (taken.length > 0) {
      await pause(patience, undefined, { ref: false });
    }
    for (const record of taken.filter(isWatched)) {
      // Whoever has started it anew since did so after this look, or under the stamp that it found.
      this.#unlocked(record, Number(stamps.get(record.dispatch.handle) ?? at));
    }
  }

  /** @param until seconds since 1970 until which nobody else has begun a run of the handle */
  #unlocked(record: RunRecord, until: number): void {
    const { bus, onUnlock, grace } = this.#options;
    const { site, handle, callback } = record.dispatch;
    this.#told.add(record);
    record.ownUntil = until;
    bus.emit('run.unlocked', { site: site.name, handle, callback, stopped: onUnlock === 'stop' });
    if (onUnlock === 'stop') {
      void stopRun(record, cancelled(callback, 'somebody who unlocked it in Drupal while it ran', undefined), grace);
    }
  }
}

/** Whether the row of a run says something about it. */
function isWatched(record: RunRecord): boolean {
  return record.state === 'running' && !record.touchedRow && !record.stopped;
}
