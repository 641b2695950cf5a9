import { createHash } from 'node:crypto';

import type { EventBus } from '../events/bus.js';
import { settleDead } from '../outcome/settle.js';
import { completed, type Outcome } from '../process/outcome.js';
import { execStatus } from '../process/states.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { ProcessRow } from '../store/process-store.js';

/** The processes that items of Background Process's own queues stand for. */
export class QueuedProcesses {
  readonly #site: ServedSite;
  readonly #settleTimeout: number;
  readonly #bus: EventBus;

  /** @param settleTimeout milliseconds that a helper may need */
  constructor(site: ServedSite, settleTimeout: number, bus: EventBus) {
    this.#site = site;
    this.#settleTimeout = settleTimeout;
    this.#bus = bus;
  }

  /** The process that an item of the site's table names, if it is still that one. */
  async ofItem(id: number): Promise<ProcessRow | undefined> {
    const data = await this.#site.queue.data(id);
    const [handle, token] = Array.isArray(data) ? (data as unknown[]).map((part) => decode(String(part))) : [];
    if (handle === undefined || token === undefined) {
      return undefined;
    }
    const row = await this.ofHandle(handle);
    return row?.token === token ? row : undefined;
  }

  /** The process of exactly this handle. */
  async ofHandle(handle: string): Promise<ProcessRow | undefined> {
    return (await this.#site.store.find([handle])).find((row) => row.handle === handle);
  }

  /**
   * Lets a process be claimed again whose worker died in it; one whose callback had come to its end is ended.
   *
   * @returns whether it was ended
   */
  async putBack(row: ProcessRow | undefined): Promise<boolean> {
    const { store } = this.#site;
    if (row?.status !== execStatus.running) {
      return false;
    }
    if (await store.hasFinished(row.handle, row.callback, Number(row.stamp))) {
      await this.end(row, completed);
      return true;
    }
    await store.requeue(row.handle, row.stamp);
    return false;
  }

  /** Ends a process: its progress, its row, its hook. */
  async end(row: ProcessRow | undefined, outcome: Outcome): Promise<void> {
    if (!row) {
      return;
    }
    const { source, place, store, core, uris } = this.#site;
    await settleDead(
      {
        source,
        place,
        store,
        core,
        bus: this.#bus,
        // Below no lock is named: none is known of it.
        freeLocks: () => Promise.resolve(),
        timeout: this.#settleTimeout,
      },
      {
        // The same for each try, and no other's.
        id: `queued-${row.stamp}-${createHash('sha1').update(row.handle).digest('hex')}`,
        uri: uris[0],
        handle: row.handle,
        callback: row.callback,
        stamp: row.stamp,
        outcome,
        endedAt: Date.now() / 1000,
        hook: true,
      },
    );
  }
}

/** As rawurldecode() does it, also with what was never encoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
