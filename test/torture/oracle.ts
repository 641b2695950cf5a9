import type { LogLine } from '../harness/daemon.js';
import type { Trace } from './evidence.js';
import type { Started } from './starts.js';
import type { Killed } from './violence.js';

/** What may not happen to a process. */
export const wrongs = ['lost', 'doubled', 'stuck', 'hook missing', 'hook doubled', 'progress open'] as const;

export type Wrong = (typeof wrongs)[number];

/** One process to which something happened that may not. */
export interface Finding {
  readonly wrong: Wrong;
  readonly handle: string;
  readonly why: string;
}

/** All that is known when everything has come to rest. */
export interface Facts {
  readonly started: readonly Started[];
  readonly evidence: ReadonlyMap<string, readonly Trace[]>;
  /** Handles of rows that are left, and of runs that the ledger has not closed. */
  readonly unfinished: ReadonlySet<string>;
  /** Names of progress rows that nobody ended. */
  readonly openProgress: readonly string[];
  readonly killed: readonly Killed[];
  readonly lines: readonly LogLine[];
  /** Whether daemon and database were there all the time between two moments (seconds since 1970). */
  readonly calm: (from: number, to: number) => boolean;
}

/** What the oracle says. */
export interface Account {
  readonly findings: readonly Finding[];
  readonly begun: number;
  readonly hooks: number;
  /** Hooks that a kill ended, or that nobody may repeat because they may have begun. */
  readonly interrupted: number;
  /** Chains that ended early because their next start met an absence or a kill. */
  readonly brokenChains: number;
}

/** Seconds around a chain's next start in which an absence excuses that it never began. */
const chainPatience = 3;

/** Accounts for every process that was started, by the files that its runs wrote. */
export function account(facts: Facts): Account {
  const judge = new Judge(facts);
  for (const one of facts.started) {
    judge.judge(one);
  }
  const known = new Set(facts.started.map(({ handle }) => handle));
  for (const handle of facts.evidence.keys()) {
    if (!known.has(handle)) {
      // Started by a process: whether its request was heard, nobody wrote down.
      judge.judgeLinks(handle, []);
    }
  }
  for (const name of facts.openProgress) {
    if (!facts.unfinished.has(name)) {
      judge.find('progress open', name, 'its progress row has no end');
    }
  }
  return judge.account();
}

class Judge {
  readonly #facts: Facts;
  readonly #findings: Finding[] = [];
  readonly #untold: ReadonlySet<unknown>;
  readonly #killedPids: ReadonlySet<number>;
  #begun = 0;
  #hooks = 0;
  #interrupted = 0;
  #brokenChains = 0;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#killedPids = new Set(facts.killed.map(({ pid }) => pid));
    this.#untold = new Set(
      facts.lines
        .filter((line) => line.event === 'run.settled' && line['hook'] === 'interrupted')
        .map((line) => line['handle']),
    );
  }

  account(): Account {
    return {
      findings: this.#findings,
      begun: this.#begun,
      hooks: this.#hooks,
      interrupted: this.#interrupted,
      brokenChains: this.#brokenChains,
    };
  }

  find(wrong: Wrong, handle: string, why: string): void {
    this.#findings.push({ wrong, handle, why });
  }

  judge({ handle, state, step }: Started): void {
    if (state === 'refused') {
      if (this.#facts.evidence.has(handle)) {
        this.find('doubled', handle, 'it ran although its sender was told that it does not');
      }
      return;
    }
    this.judgeLinks(handle, state === 'uncertain' ? [] : [String(step.ending.links ?? 1)]);
  }

  /** @param certain links that must have run, or ended with their hook told */
  judgeLinks(handle: string, certain: readonly string[]): void {
    if (this.#facts.unfinished.has(handle)) {
      this.find('stuck', handle, 'its row or its line in the ledger is still there');
      return;
    }
    const traces = this.#facts.evidence.get(handle) ?? [];
    const links = new Set([...certain, ...traces.filter(({ what }) => /^(begun|hook)$/.test(what)).map(linkOf)]);
    for (const link of links) {
      this.#judgeLink(handle, link, traces);
    }
    for (const trace of traces.filter(({ what }) => what === 'goes-on')) {
      this.#judgeChain(handle, trace, links);
    }
  }

  #judgeLink(handle: string, link: string, traces: readonly Trace[]): void {
    const of = (what: string): Trace[] => traces.filter((trace) => trace.what === what && linkOf(trace) === link);
    const begun = of('begun');
    const hooks = of('hook');
    this.#begun += begun.length;
    this.#hooks += hooks.length;
    if (begun.length > 1) {
      this.find('doubled', handle, `its callback began ${begun.length} times (link ${link})`);
    }
    // Killed while it took its own row away: as on the stock site nobody knows whether the module told the hook.
    const undecided =
      traces.some(({ what }) => what === 'removing') &&
      !traces.some(({ what }) => what === 'removed' || what === 'unlocked');
    const removed = traces.some(({ what, detail }) => what === 'removed' && detail === 'yes');
    // Who removes a row has the last word, also about the hook (contract of the module).
    if (hooks.length > (removed ? 0 : 1)) {
      this.find('hook doubled', handle, `its hook was called ${hooks.length} times (link ${link})`);
    }
    if (hooks.length === 0 && !undecided && !removed) {
      if (this.#untold.has(handle) && this.#wasKilled(handle, traces)) {
        this.#interrupted += 1;
      } else if (begun.length === 0) {
        this.find('lost', handle, `its row is gone, and neither its callback nor its hook was called (link ${link})`);
      } else {
        this.find('hook missing', handle, `its callback began and its hook was never called (link ${link})`);
      }
    }
    const done = of('hook-done');
    for (const hook of hooks) {
      if (!done.some(({ pid }) => pid === hook.pid)) {
        if (this.#killedPids.has(hook.pid)) {
          this.#interrupted += 1;
        } else {
          this.find('hook missing', handle, `its hook began and did not come to its end, though nobody killed it`);
        }
      }
    }
  }

  /** Whether a worker of a process, or a helper that settled it, was killed by us: the daemon's own word is no excuse. */
  #wasKilled(handle: string, traces: readonly Trace[]): boolean {
    const titles = [`drupald run ${handle}`, `drupald settle ${handle}`];
    return (
      traces.some(({ pid }) => this.#killedPids.has(pid)) ||
      this.#facts.killed.some(({ title }) => titles.includes(title))
    );
  }

  #judgeChain(handle: string, { at, pid, detail }: Trace, links: ReadonlySet<string>): void {
    if (links.has(String(Number(detail) - 1))) {
      return;
    }
    if (this.#killedPids.has(pid) || !this.#facts.calm(at - chainPatience, at + chainPatience)) {
      this.#brokenChains += 1;
    } else {
      this.find('lost', handle, `its chain ended behind link ${detail} without a reason`);
    }
  }
}

function linkOf({ detail }: Trace): string {
  return detail.split(' ')[0] ?? '';
}

/** Milliseconds from the death of a run to the end of its row, of those during which daemon and database were there. */
export function settleTimes(facts: Facts, gone: ReadonlyMap<string, number>): number[] {
  const killedRuns = new Map(facts.killed.map(({ title, at }) => [title, at]));
  const times: number[] = [];
  for (const { handle, step, state } of facts.started) {
    const traces = (facts.evidence.get(handle) ?? []).filter(({ what }) => !what.startsWith('hook'));
    const last = traces.at(-1);
    const until = gone.get(handle);
    if (!last || until === undefined || step.ending.links !== undefined || state === 'refused') {
      continue;
    }
    const death = killedRuns.get(`drupald run ${handle}`) ?? (step.ending.dies === true ? last.at : undefined);
    if (death !== undefined && death < until && facts.calm(death, until)) {
      times.push((until - death) * 1000);
    }
  }
  return times;
}
