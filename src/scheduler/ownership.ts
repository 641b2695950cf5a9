import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import type { EventBus } from '../events/bus.js';
import { databaseReason, isDenied } from '../store/database.js';
import type { DaemonWord, ListedDaemon, OwnedProcess, OwnerTable } from '../store/owner-table.js';

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
  /** What it says beside that it lives. */
  word: () => DaemonWord = () => ({ address: '', serves: [], slots: 0, running: 0, waiting: 0, state: 'running' });
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

  /** The daemons on this database, and its time in seconds since 1970; undefined: they cannot be told. Throws what the database throws. */
  async daemons(): Promise<{ readonly now: number; readonly daemons: readonly ListedDaemon[] } | undefined> {
    return (await this.#prepared()) ? this.#table.daemons() : undefined;
  }

  /** The same without making a table. Throws what the database throws. */
  lookAtDaemons(): Promise<{ readonly now: number; readonly daemons: readonly ListedDaemon[] } | undefined> {
    return tried(() => this.#table.daemons());
  }

  /** Who has which process in hand, without making a table; undefined: there is none. Throws what the database throws. */
  look(): Promise<OwnedProcess[] | undefined> {
    return tried(() => this.#table.list());
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
    await this.#table.beat(this.id, hostname(), process.pid, this.word());
    this.#isKnown = true;
  }
}

/** Undefined: there is no such table, one of an older daemon, or no right to read it. */
async function tried<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (
      ['ER_NO_SUCH_TABLE', 'ER_BAD_FIELD_ERROR'].includes((error as { code?: string }).code ?? '') ||
      isDenied(error)
    ) {
      return undefined;
    }
    throw error;
  }
}
