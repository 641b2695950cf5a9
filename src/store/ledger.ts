import { appendFileSync, closeSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { TroubleTeller } from '../events/trouble-teller.js';
import { parseJson } from '../support/json.js';
import {
  ledgerLine,
  type LedgerEnding,
  type LedgerLine,
  type LedgerRun,
  type OwedLock,
  type WaitingTry,
} from './ledger-line.js';

const fileName = 'ledger.jsonl';

/** Milliseconds between two tries to write a file that could not be written. */
const retryInterval = 1_000;

/** Lines after which the file is written anew with what is still in hand. */
const compactAfter = 20_000;

/** Starts that wait for another try whose number of tries is remembered; of those noted first it is forgotten. */
const triesLimit = 10_000;

/** A run that nobody has settled yet, with what its worker and the daemon said of it, in order. */
export interface LedgerEntry {
  readonly run: LedgerRun;
  readonly messages: readonly unknown[];
}

/**
 * Which runs are in hand, on disk: what the next daemon needs when this one is
 * killed (design decision 5).
 *
 * Each line is written before what it tells of goes on, and is in the kernel's hands
 * then: it outlives the daemon, though not a power failure, which no worker outlives
 * either. A disk that is full costs no run: what could not be written is written with the
 * rest as soon as there is room, and until then a death of the daemon costs the recovery.
 */
export class Ledger {
  readonly #dir: string;
  readonly #file: string;
  readonly #teller: TroubleTeller;
  readonly #entries = new Map<string, { run: LedgerRun; messages: unknown[] }>();
  readonly #endings = new Map<string, LedgerEnding>();
  readonly #owed = new Map<string, OwedLock>();
  readonly #again = new Map<string, WaitingTry>();
  #descriptor: number | undefined;
  #lines = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param dir state directory
   * @param teller told when writing begins to fail, and when it works again
   */
  constructor(dir: string, teller: TroubleTeller) {
    this.#dir = dir;
    this.#file = join(dir, fileName);
    this.#teller = teller;
  }

  /** Reads what the last daemon had in hand, and opens the file for this one. A line that cannot be read is passed over. */
  open(): readonly LedgerEntry[] {
    for (const raw of this.#read().split('\n')) {
      const parsed = ledgerLine.safeParse(parseJson(raw));
      if (parsed.success) {
        this.#take(parsed.data);
      }
    }
    this.#compact();
    return [...this.#entries.values()].map(({ run, messages }) => ({ run, messages: [...messages] }));
  }

  /** A worker is about to get this run. */
  begin(run: LedgerRun): void {
    this.#write(['run', run]);
  }

  /** Something that the next daemon would have to know of a run. */
  note(id: string, message: object): void {
    this.#write(['said', id, message]);
  }

  /** Nothing is left to do for a run. */
  over(id: string): void {
    if (this.#entries.has(id)) {
      this.#write(['over', id]);
    }
  }

  /** A run has ended, and the history does not have it yet; neither has anybody seen to what it may have left. */
  ended({ run, log, left = [] }: LedgerEnding): void {
    if (!this.#endings.has(run.id)) {
      this.#write(['ended', { run, log, ...(left.length > 0 ? { left } : {}) }]);
    }
  }

  /** The history has these runs, or does not want them. */
  kept(ids: readonly string[]): void {
    const known = ids.filter((id) => this.#endings.has(id));
    if (known.length > 0) {
      this.#write(['kept', known]);
    }
  }

  /** Somebody has seen to what a worker of a queue has left. */
  seen(id: string): void {
    if (this.#endings.get(id)?.left) {
      this.#write(['seen', id]);
    }
  }

  /** Runs that the last daemon did not bring into the history any more. */
  get endings(): readonly LedgerEnding[] {
    return [...this.#endings.values()].filter(({ kept }) => kept !== true);
  }

  /** Runs of queues' workers to whose items the last daemon did not see any more, in the order of their ends. */
  get unseen(): readonly LedgerEnding[] {
    return [...this.#endings.values()].filter(({ left }) => left);
  }

  /** The locks of a dead run could not be removed: whoever reads this is to do it. */
  owe(owed: OwedLock): void {
    this.#write(['owed', owed]);
  }

  /** The locks of this value are removed, or need not be. */
  freed(lock: string): void {
    if (this.#owed.has(lock)) {
      this.#write(['freed', lock]);
    }
  }

  /** Locks that are still to be removed, in the order in which they were written down. */
  get owed(): readonly OwedLock[] {
    return [...this.#owed.values()];
  }

  /** A run is to begin again; to be told before it is over. */
  again(waiting: WaitingTry): void {
    this.#write(['again', waiting]);
  }

  /** How many runs of a start have ended that waits for another try under this stamp, also by the last daemon's word. */
  triesOf(site: string, handle: string, stamp: string): number {
    const known = this.#again.get(tryKey(site, handle));
    return known?.stamp === stamp ? known.tries : 0;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#descriptor !== undefined) {
      closeSync(this.#descriptor);
      this.#descriptor = undefined;
    }
  }

  #read(): string {
    try {
      return readFileSync(this.#file, 'utf8');
    } catch {
      return '';
    }
  }

  #take(entry: LedgerLine): void {
    if (entry[0] === 'run') {
      this.#entries.set(entry[1].id, { run: entry[1], messages: [] });
      this.#again.delete(tryKey(entry[1].site, entry[1].handle));
    } else if (entry[0] === 'said') {
      this.#entries.get(entry[1])?.messages.push(entry[2]);
    } else if (entry[0] === 'over') {
      this.#entries.delete(entry[1]);
    } else if (entry[0] === 'ended') {
      this.#endings.set(entry[1].run.id, entry[1]);
    } else if (entry[0] === 'owed') {
      this.#owed.set(entry[1].lock, entry[1]);
    } else if (entry[0] === 'freed') {
      this.#owed.delete(entry[1]);
    } else if (entry[0] === 'again') {
      const [oldest] = this.#again.keys();
      if (this.#again.size >= triesLimit && oldest !== undefined) {
        this.#again.delete(oldest);
      }
      this.#again.set(tryKey(entry[1].site, entry[1].handle), entry[1]);
    } else if (entry[0] === 'seen') {
      this.#change(entry[1], { left: undefined });
    } else {
      for (const id of entry[1]) {
        this.#change(id, { kept: true });
      }
    }
  }

  /** An ending stays until the history has it and nothing is left of it. */
  #change(id: string, change: Partial<LedgerEnding>): void {
    const ending = this.#endings.get(id);
    if (ending) {
      const { run, log, left, kept } = { ...ending, ...change };
      if (kept === true && left === undefined) {
        this.#endings.delete(id);
      } else {
        this.#endings.set(id, { run, log, left, kept });
      }
    }
  }

  #write(entry: LedgerLine): void {
    this.#take(entry);
    if (this.#descriptor === undefined) {
      return;
    }
    try {
      appendFileSync(this.#descriptor, `${JSON.stringify(entry)}\n`);
      this.#lines += 1;
      if (this.#lines > compactAfter) {
        this.#compact();
      }
    } catch (error) {
      // Half a line may stand there now, which would spoil the next one.
      this.#closeFile();
      this.#failed(error);
    }
  }

  /** Writes the file anew, whole or not at all. */
  #compact(): void {
    const lines: unknown[] = [...this.#entries.values()].flatMap(({ run, messages }) => [
      ['run', run],
      ...messages.map((message) => ['said', run.id, message]),
    ]);
    lines.push(...[...this.#endings.values()].map((one) => ['ended', one]));
    lines.push(...[...this.#owed.values()].map((one) => ['owed', one]));
    lines.push(...[...this.#again.values()].map((one) => ['again', one]));
    this.#closeFile();
    try {
      writeFileSync(`${this.#file}.new`, lines.map((entry) => `${JSON.stringify(entry)}\n`).join(''), { mode: 0o600 });
      renameSync(`${this.#file}.new`, this.#file);
      this.#descriptor = openSync(this.#file, 'a', 0o600);
      this.#lines = lines.length;
      this.#teller.over();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#teller.began('STATE_DIR_FULL', {
      dir: this.#dir,
      reason: error instanceof Error ? error.message : String(error),
    });
    if (!this.#closed) {
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#compact(), retryInterval);
      this.#retry.unref();
    }
  }
}

function tryKey(site: string, handle: string): string {
  return `${site} ${handle}`;
}
