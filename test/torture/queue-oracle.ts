import type { Trace } from './evidence.js';
import type { Killed } from './violence.js';

/** Seconds between a kill and the moment at which it is written down, at most. */
const tolerance = 0.05;

/** What may not happen to an item. */
export const itemWrongs = ['lost', 'doubled', 'stuck', 'left over'] as const;

export type ItemWrong = (typeof itemWrongs)[number];

/** One item, or one thing that was left, to which something happened that may not. */
export interface ItemFinding {
  readonly wrong: ItemWrong;
  readonly label: string;
  readonly why: string;
}

/** An item that was created, or may have been. */
export interface CreatedItem {
  readonly label: string;
  readonly queue: string;
  /** The database failed meanwhile: nobody knows whether it is there. */
  readonly uncertain: boolean;
}

/** All that is known when everything has come to rest. */
export interface QueueFacts {
  readonly created: readonly CreatedItem[];
  readonly evidence: ReadonlyMap<string, readonly Trace[]>;
  /** Labels of items whose row was set aside when all else was done. */
  readonly aside: ReadonlySet<string>;
  /** Labels of those that `drupald queue show` told of then. */
  readonly told: ReadonlySet<string>;
  /** Labels of items whose row is still there at the end. */
  readonly waiting: ReadonlySet<string>;
  /** Whatever else is left at the end, in words. */
  readonly left: readonly string[];
  readonly killed: readonly Killed[];
  /** Whether daemon and database were there all the time between two moments (seconds since 1970). */
  readonly calm: (from: number, to: number) => boolean;
}

/** What the oracle says. */
export interface QueueAccount {
  readonly findings: readonly ItemFinding[];
  /** Times that a worker began an item, and items that came to their end. */
  readonly begun: number;
  readonly done: number;
  /** Begun again after a worker was killed in the middle of an item. */
  readonly killedInTheMiddle: number;
  /** Done again because a worker was killed between the end of an item and its word about that. */
  readonly window: number;
  /** Milliseconds from creation to the first begin, while daemon and database were there. */
  readonly waits: readonly number[];
}

/** One time that an item was begun. */
interface Attempt {
  readonly at: number;
  readonly pid: number;
  ended: number | undefined;
  failed: boolean;
}

/** Accounts for every item by the files that its workers wrote. */
export function accountItems(facts: QueueFacts): QueueAccount {
  const judge = new ItemJudge(facts);
  facts.created.forEach((item) => judge.judge(item));
  for (const words of facts.left) {
    judge.find('left over', '', words);
  }
  return judge.account;
}

class ItemJudge {
  readonly #facts: QueueFacts;
  readonly #findings: ItemFinding[] = [];
  readonly #waits: number[] = [];
  /** The last that a process wrote about items (seconds since 1970). */
  readonly #last = new Map<number, number>();
  #begun = 0;
  #done = 0;
  #middle = 0;
  #window = 0;

  constructor(facts: QueueFacts) {
    this.#facts = facts;
    for (const traces of facts.evidence.values()) {
      for (const { pid, at, what } of traces) {
        if (/^(begun|ended|fails)$/.test(what)) {
          this.#last.set(pid, Math.max(this.#last.get(pid) ?? 0, at));
        }
      }
    }
  }

  get account(): QueueAccount {
    return {
      findings: this.#findings,
      begun: this.#begun,
      done: this.#done,
      killedInTheMiddle: this.#middle,
      window: this.#window,
      waits: this.#waits,
    };
  }

  find(wrong: ItemWrong, label: string, why: string): void {
    this.#findings.push({ wrong, label, why });
  }

  judge({ label, uncertain }: CreatedItem): void {
    const traces = this.#facts.evidence.get(label) ?? [];
    const attempts = attemptsOf(traces);
    this.#begun += attempts.length;
    this.#judgeTimes(label, attempts);
    this.#noteWait(traces, attempts);
    const done = attempts.some(({ ended }) => ended !== undefined);
    this.#done += done ? 1 : 0;
    if (this.#facts.waiting.has(label)) {
      this.find('stuck', label, 'its row is still there');
    } else if (!done && !uncertain) {
      this.find('lost', label, `its row is gone, and it was not done (begun ${attempts.length} times)`);
    } else if (!done && attempts.length > 0) {
      this.find('lost', label, 'its row is gone, it was begun and not done');
    }
    if (this.#facts.aside.has(label) !== this.#facts.told.has(label)) {
      const aside = this.#facts.aside.has(label);
      this.find(
        'stuck',
        label,
        aside ? 'it is set aside, and nobody is told' : 'it is told to be set aside, and is not',
      );
    } else if (this.#facts.aside.has(label) && attempts.length < 2) {
      this.find('stuck', label, `it was set aside after ${attempts.length} begin`);
    }
  }

  #judgeTimes(label: string, attempts: readonly Attempt[]): void {
    attempts.forEach((attempt, index) => {
      const next = attempts[index + 1];
      if (!next) {
        return;
      }
      const { at, pid, ended, failed } = attempt;
      const killed = this.#facts.killed.find((one) => one.pid === pid && one.at >= at - tolerance);
      if (ended !== undefined) {
        // Its very last word: it was killed before it could say that the item is done.
        if (killed && this.#last.get(pid) === ended) {
          this.#window += 1;
        } else {
          this.find('doubled', label, `it was begun again after process ${pid} had come to its end`);
        }
      } else if (killed && !failed) {
        this.#middle += 1;
        if (next.at < killed.at - tolerance) {
          this.find('doubled', label, `it was begun again while process ${pid} still worked on it`);
        }
      } else if (!failed) {
        this.find('doubled', label, `it was begun again although nobody had killed process ${pid}`);
      }
    });
  }

  #noteWait(traces: readonly Trace[], attempts: readonly Attempt[]): void {
    const created = traces.find(({ what }) => what === 'created')?.at;
    const begun = attempts[0]?.at;
    if (created !== undefined && begun !== undefined && this.#facts.calm(created, begun)) {
      this.#waits.push(Math.max(0, begun - created) * 1000);
    }
  }
}

function attemptsOf(traces: readonly Trace[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const { at, pid, what } of traces) {
    const own = attempts.findLast((one) => one.pid === pid);
    if (what === 'begun') {
      attempts.push({ at, pid, ended: undefined, failed: false });
    } else if (what === 'ended' && own) {
      own.ended = at;
    } else if (what === 'fails' && own) {
      own.failed = true;
    }
  }
  return attempts;
}
