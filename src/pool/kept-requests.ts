import { createHash } from 'node:crypto';

import { waitingNote, type WaitingNote } from '../liveness/start-notes.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import { isDenied } from '../store/database.js';
import type { ProcessRow } from '../store/process-store.js';
import type { KeptStart, StartTable } from '../store/start-table.js';
import { parseJson } from '../support/json.js';

/** Entries that one statement writes or removes at most. */
const batch = 500;

/** Milliseconds between two looks for what a daemon has left behind. */
const pruneInterval = 3_600_000;

/** What of a waiting start is kept. */
export type KeptDispatch = Pick<Dispatch, 'handle' | 'stamp' | 'context' | 'uri'> & {
  readonly site: Pick<Dispatch['site'], 'uris'>;
};

/**
 * Language, address and headers of the requests of starts that wait at one site, where a neighbour can read them: the rows
 * have no room for them, and whoever takes a start over would run it under the site's defaults.
 *
 * Written behind the starts, a few statements a second at most, so that a start which begins at once costs none.
 * Where the database user may not make tables nothing is kept.
 */
export class KeptRequests {
  readonly #table: StartTable;
  readonly #kept = new Set<string>();
  readonly #sums = new WeakMap<KeptDispatch, string>();
  #prunedAt = -Infinity;
  #isReady = false;
  #isDenied = false;

  constructor(table: StartTable) {
    this.#table = table;
  }

  /** Keeps those of the starts that wait now, and removes the others. Throws what the database throws. */
  async follow(waiting: readonly KeptDispatch[]): Promise<void> {
    const wanted = new Map(waiting.filter(saysMore).map((dispatch) => [this.#sumOf(dispatch), dispatch]));
    const over = [...this.#kept].filter((sum) => !wanted.has(sum)).slice(0, batch);
    const fresh = [...wanted].filter(([sum]) => !this.#kept.has(sum)).slice(0, batch);
    if ((over.length === 0 && fresh.length === 0) || !(await this.#prepared())) {
      return;
    }
    if (performance.now() - this.#prunedAt > pruneInterval) {
      await this.#table.prune();
      this.#prunedAt = performance.now();
    }
    await this.#table.forget(over);
    for (const sum of over) this.#kept.delete(sum);
    await this.#table.keep(fresh.map(([sum, dispatch]): KeptStart => ({ sum, note: noteOf(dispatch) })));
    for (const [sum] of fresh) this.#kept.add(sum);
  }

  /** What a neighbour has kept of a start of its own; undefined: nothing, or the database does not tell. */
  async find(row: Pick<ProcessRow, 'handle' | 'stamp'>): Promise<WaitingNote | undefined> {
    try {
      const note = waitingNote.safeParse(parseJson((await this.#table.find(sumOf(row))) ?? ''));
      return note.success ? note.data : undefined;
    } catch {
      // Without it the start runs under the defaults of its site, as one of which no request is known.
      return undefined;
    }
  }

  /**
   * Removes what a neighbour has kept of a start that was taken from it. Throws what the database throws.
   *
   * @param row as it was before
   */
  forget(row: Pick<ProcessRow, 'handle' | 'stamp'>): Promise<void> {
    return this.#table.forget([sumOf(row)]);
  }

  /** Remembered: many wait for long, and each look comes by them. */
  #sumOf(dispatch: KeptDispatch): string {
    const sum = this.#sums.get(dispatch) ?? sumOf(dispatch);
    this.#sums.set(dispatch, sum);
    return sum;
  }

  async #prepared(): Promise<boolean> {
    if (!this.#isReady && !this.#isDenied) {
      try {
        await this.#table.prepare();
        this.#isReady = true;
      } catch (error) {
        if (!isDenied(error)) throw error;
        this.#isDenied = true;
      }
    }
    return this.#isReady;
  }
}

/** Whether a request said more than the row and its service host do. */
function saysMore({ context, uri, site }: KeptDispatch): boolean {
  const headers = Object.entries(context.headers).filter(([name, value]) => !isDrupal(name, value));
  return context.prefix !== '' || headers.length > 0 || uri !== site.uris[0];
}

/** What Drupal's own client says of itself, where no visitor's page is behind it. */
function isDrupal(name: string, value: string): boolean {
  return name === 'user-agent' && value.startsWith('Drupal (');
}

function noteOf({ handle, stamp, context, uri }: KeptDispatch): string {
  const note: WaitingNote = { handle, stamp, uri: uri.url, context };
  return JSON.stringify(note);
}

function sumOf({ handle, stamp }: Pick<ProcessRow, 'handle' | 'stamp'>): string {
  return createHash('sha256').update(`${stamp} ${handle}`).digest('hex');
}
