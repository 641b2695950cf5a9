import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import type { EventBus } from '../events/bus.js';
import { databaseReason, isDenied } from '../store/database.js';
import type { OwnedProcess, OwnerTable } from '../store/owner-table.js';

/** By which a process is known from the insertion of its row to its end; its token is a secret, this is none. */
export function sumOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * What this daemon says of itself in the database of a site, so that others on the same one
 * know which processes of ours somebody has in hand. Where the database user may not make
 * tables nobody says anything, and nobody judges.
 */
export class Ownership {
  /** This daemon's name there; each start has another. */
  readonly id = randomUUID();
  readonly #table: OwnerTable;
  readonly #site: string;
  readonly #bus: EventBus;
  #ready: Promise<boolean> | undefined;
  #isKnown = false;

  /** @param site main address */
  constructor(table: OwnerTable, site: string, bus: EventBus) {
    this.#table = table;
    this.#site = site;
    this.#bus = bus;
  }

  /** Tells that this daemon lives. Throws what the database throws. */
  async beat(): Promise<void> {
    if (await this.#prepared()) {
      await this.#beat();
    }
  }

  /** This daemon ends. Throws what the database throws. */
  async leave(): Promise<void> {
    if (this.#isKnown) {
      await this.#table.leave(this.id);
    }
  }

  /**
   * Writes down that this daemon has a process in hand; its row need not be claimed yet. Throws what the database throws.
   *
   * @param lock the value of its locks; empty: it has none yet
   */
  async take(handle: string, sum: string, lock = ''): Promise<void> {
    if (await this.#prepared()) {
      await this.#table.take({ sum, handle, daemon: this.id, lock });
    }
  }

  /** Who has which process in hand; undefined: that cannot be written down here. Throws what the database throws. */
  async list(): Promise<OwnedProcess[] | undefined> {
    return (await this.#prepared()) ? this.#table.list() : undefined;
  }

  /** The same without making a table; undefined: there is none. Throws what the database throws. */
  async look(): Promise<OwnedProcess[] | undefined> {
    try {
      return await this.#table.list();
    } catch (error) {
      if ((error as { code?: string }).code === 'ER_NO_SUCH_TABLE' || isDenied(error)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Nobody has these any more. Throws what the database throws. */
  async forget(sums: readonly string[]): Promise<void> {
    await this.#table.forget(sums);
  }

  #prepared(): Promise<boolean> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  async #prepare(): Promise<boolean> {
    try {
      await this.#table.prepare();
    } catch (error) {
      if (!isDenied(error)) {
        throw error;
      }
      this.#bus.emit('daemon.unlisted', { site: this.#site, reason: databaseReason(error) });
      return false;
    }
    await this.#table.prune();
    // Whoever has a process in hand must be known before that is.
    await this.#beat();
    return true;
  }

  async #beat(): Promise<void> {
    await this.#table.beat(this.id, hostname(), process.pid);
    this.#isKnown = true;
  }
}
