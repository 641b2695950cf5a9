import { dispatchKey, type Dispatch } from '../scheduler/dispatch.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { PoolRules } from './pool-rules.js';
import type { RedisLink } from './redis-link.js';
import type { RedisParts } from './redis-parts.js';
import { sharedId, sharedOf } from './shared-start.js';
import { SharedLine, type Entry } from './shared-line.js';

/** A start of one of our own service hosts that waits in the shared backlog. */
export interface Handed {
  readonly dispatch: Dispatch;
  /** Under which it is known there. */
  readonly id: string;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/**
 * The lines of one site, and what this daemon has put there. It keeps that in memory, as it would keep a
 * backlog of its own: should Redis lose it, nothing of the requests is lost.
 */
export class SiteLines {
  readonly site: ServedSite;
  readonly all: readonly SharedLine[];
  readonly #rules: PoolRules;
  readonly #priorityOf: (dispatch: Dispatch) => number;
  readonly #handed = new Map<string, Handed>();

  private constructor(
    site: ServedSite,
    rules: PoolRules,
    priorityOf: (dispatch: Dispatch) => number,
    all: readonly SharedLine[],
  ) {
    this.site = site;
    this.#rules = rules;
    this.#priorityOf = priorityOf;
    this.all = all;
  }

  /** Opens all lines of a site. Throws what Redis or the database throws; then none is open. */
  static async open(
    site: ServedSite,
    rules: PoolRules,
    priorityOf: (dispatch: Dispatch) => number,
    link: RedisLink,
    parts: RedisParts,
  ): Promise<SiteLines> {
    const tables = await site.installation.tables();
    const open = await Promise.allSettled(rules.all.map((rule) => SharedLine.open(tables, rule, link, parts)));
    const lines = open.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = open.find((one) => one.status === 'rejected');
    if (failed) {
      await Promise.all(lines.map((line) => line.close()));
      throw failed.reason;
    }
    return new SiteLines(site, rules, priorityOf, lines);
  }

  /** Starts that wait in all lines, as far as it was told lately. */
  get waiting(): number {
    return this.all.reduce((sum, line) => sum + line.waiting, 0);
  }

  /** Starts from there that some daemon has in hand. */
  get active(): number {
    return this.all.reduce((sum, line) => sum + line.active, 0);
  }

  /** What waits there of our own service hosts, as far as it is known. */
  get handed(): readonly Handed[] {
    return [...this.#handed.values()];
  }

  /** The line in which a start waits; undefined: there is none, its pattern is new. */
  lineOf(start: Pick<Dispatch, 'handle' | 'callback'>): SharedLine | undefined {
    const { name } = this.#rules.of(start);
    return this.all.find(({ rule }) => rule.name === name);
  }

  /** Puts starts into their lines. Throws what Redis throws; what is there then is there, and is harmless. */
  async put(dispatches: readonly Dispatch[]): Promise<void> {
    const byLine = new Map<SharedLine, Entry[]>();
    for (const dispatch of dispatches) {
      const line = this.lineOf(dispatch);
      if (line) {
        const entries = byLine.get(line) ?? [];
        byLine.set(line, entries);
        entries.push(this.#entryOf(dispatch));
      }
    }
    for (const [line, entries] of byLine) {
      await line.add(entries);
    }
    for (const dispatch of dispatches) {
      this.keep(dispatch);
    }
  }

  /** Which of these are not there. */
  async missing(starts: readonly Pick<Dispatch, 'handle' | 'stamp' | 'callback'>[]): Promise<Set<string>> {
    const missing = new Set<string>();
    const byLine = new Map<SharedLine, Map<string, string>>();
    for (const start of starts) {
      const line = this.lineOf(start);
      const key = dispatchKey(start);
      if (line) {
        const keys = byLine.get(line) ?? new Map<string, string>();
        byLine.set(line, keys.set(this.#handed.get(key)?.id ?? sharedId(start), key));
      }
    }
    for (const [line, keys] of byLine) {
      for (const id of await line.missing([...keys.keys()])) {
        missing.add(keys.get(id) ?? '');
      }
    }
    return missing;
  }

  /** Remembers what waits there. @param id under which it is known there, where its row has been taken since */
  keep(dispatch: Dispatch, id = sharedId(dispatch)): void {
    this.#handed.set(dispatchKey(dispatch), { dispatch, id, since: performance.now() });
  }

  find(start: Pick<Dispatch, 'handle' | 'stamp'>): Handed | undefined {
    return this.#handed.get(dispatchKey(start));
  }

  /** Waits there no longer, or not by us. */
  forget(start: Pick<Dispatch, 'handle' | 'stamp'>): void {
    this.#handed.delete(dispatchKey(start));
  }

  /**
   * Forgets all that waits no longer.
   *
   * @param keys of the rows that wait under our service hosts
   * @param read when they were read, in monotonic milliseconds, and up to which stamp; what is younger is kept
   */
  forgetOthers(keys: ReadonlySet<string>, read: { readonly at: number; readonly until: number }): void {
    for (const [key, { dispatch, since }] of this.#handed) {
      if (!keys.has(key) && since < read.at && Number(dispatch.stamp) <= read.until) {
        this.#handed.delete(key);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((line) => line.close()));
  }

  #entryOf(dispatch: Dispatch): Entry {
    return {
      id: sharedId(dispatch),
      data: sharedOf(dispatch),
      priority: this.#rules.hasPriorities ? this.#priorityOf(dispatch) : undefined,
    };
  }
}
