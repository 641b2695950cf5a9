import type { SlotBook } from '../store/cron-slot-table.js';
import { needsHold, type CoreCronState } from './core-due.js';

/** Under which name the table of slots knows it; no entry has such a name. */
const name = '@cron_last';

/**
 * Keeps the pages of a site from running cron before its time by drupald.yml comes.
 *
 * They look at nothing but `cron_last`, so it is moved; when cron really ran is written down first, for
 * the next daemon, too.
 */
export class PageHold {
  readonly #book: () => Promise<SlotBook>;
  readonly #set: (value: number) => Promise<void>;
  /** The last answer: `cron_last`, and what it stands for. */
  #known: { readonly last: number; readonly ran: number | undefined } | undefined;

  /**
   * @param book where it is written down
   * @param set sets `cron_last`
   */
  constructor(book: () => Promise<SlotBook>, set: (value: number) => Promise<void>) {
    this.#book = book;
    this.#set = set;
  }

  /** When cron really ran, if `cron_last` was moved by us or another daemon. Throws what the database throws. */
  async ran(last: number | undefined): Promise<number | undefined> {
    if (last === undefined) return undefined;
    if (this.#known?.last !== last) {
      const slot = await (await this.#book()).find(name, last);
      this.#known = { last, ran: slot?.fired ?? undefined };
    }
    return this.#known.ran;
  }

  /** A run of ours has set it. */
  accept(last: number | undefined): void {
    this.#known = last === undefined ? undefined : { last, ran: undefined };
  }

  /** Moves `cron_last`, if the next page would run cron. Throws what the database throws, and the site. */
  async keep(state: CoreCronState, now: number): Promise<void> {
    const ran = state.ran ?? state.last;
    if (ran === undefined || !needsHold(state, now)) return;
    const due = Math.floor(now);
    await (await this.#book()).take({ entry: name, due, pass: 0, fired: ran, rule: '' });
    await this.#set(due);
  }

  /** Sets `cron_last` to what is true, for the pages: nobody holds them off any more. */
  async release({ ran }: CoreCronState): Promise<void> {
    if (ran !== undefined) await this.#set(ran);
  }
}
