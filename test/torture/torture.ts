import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Site, SiteKind } from '../harness/site.js';
import { waitFor } from '../harness/wait.js';
import { inArena, strangers } from './arena.js';
import { openInLedger, readEvidence } from './evidence.js';
import { account, type Facts, settleTimes } from './oracle.js';
import { makePlan, type PlanOptions, type Step } from './plan.js';
import type { Outcome } from './report.js';
import { remaining, RowClock } from './rows.js';
import { start, type Started } from './starts.js';
import type { Violence } from './violence.js';

/** What is to be tortured, and how long. */
export interface TortureOptions extends PlanOptions {
  readonly kind: SiteKind;
  readonly slots?: number;
  /** Milliseconds that everything may take to come to rest behind the plan. */
  readonly patience?: number;
  readonly tell?: (line: string) => void;
}

/** Runs a plan on a site, a server and a daemon of its own and accounts for every process. Leaves nothing behind. */
export function torture(options: TortureOptions): Promise<Outcome> {
  return inArena({ kind: options.kind, slots: options.slots ?? 6 }, ({ site, violence, evidence }) =>
    perform(options, site, violence, evidence),
  );
}

async function perform(options: TortureOptions, site: Site, violence: Violence, evidence: string): Promise<Outcome> {
  const began = Date.now();
  const { port, stateDir } = violence.daemon;
  const warmUp = Array.from({ length: 12 }, (_, index): Step => ({
    type: 'start',
    at: 0,
    handle: `warm-${index}`,
    ending: { how: 'return' },
    sendings: ['whole'],
    delay: 0,
  }));
  const started = await play(warmUp, site, port, violence);
  await rest(options, site, violence, stateDir);
  const before = violence.descriptors();
  const clock = new RowClock(site);
  started.push(...(await play(makePlan(options), site, port, violence)));
  options.tell?.(`The plan is done after ${((Date.now() - began) / 1000).toFixed(0)} s; waiting for rest.`);
  await violence.settled();
  await rest(options, site, violence, stateDir);
  await clock.stop();
  const { rows, unasked } = await remaining(site);
  const ledger = await readFile(join(stateDir, 'ledger.jsonl'), 'utf8');
  const names = async (sql: string): Promise<string[]> =>
    (await site.sql<{ name: string }>(sql)).map(({ name }) => name);
  const facts: Facts = {
    started,
    evidence: await readEvidence(evidence),
    unfinished: new Set([...rows.map(({ handle }) => handle), ...openInLedger(ledger)]),
    openProgress: await names('SELECT name FROM {progress} WHERE end_stamp = 0'),
    killed: violence.killed,
    lines: violence.lines,
    calm: (from, to) => violence.calm(from, to),
  };
  return {
    ...account(facts),
    seed: options.seed,
    kind: options.kind,
    seconds: (Date.now() - began) / 1000,
    facts,
    times: settleTimes(facts, clock.gone),
    missed: violence.missed,
    unasked: unasked.length,
    locks: await names("SELECT name FROM {semaphore} WHERE name LIKE 'drupald%'"),
    left: strangers(violence),
    descriptors: [before, violence.descriptors()],
    ledger,
  };
}

/** Does each step at its time, or as soon after it as the machine allows. */
async function play(steps: readonly Step[], site: Site, port: number, violence: Violence): Promise<Started[]> {
  const began = performance.now();
  const starts: Promise<Started[]>[] = [];
  for (const step of steps) {
    await pause(Math.max(0, step.at - (performance.now() - began)));
    if (step.type === 'start') {
      starts.push(start(site, port, step));
    } else {
      violence.strike(step);
    }
  }
  return (await Promise.all(starts)).flat();
}

/** Waits until nothing is left to do. What is still there after that time is stuck, and accounted for. */
async function rest(options: TortureOptions, site: Site, violence: Violence, stateDir: string): Promise<void> {
  await waitFor(
    async () => {
      const { rows } = await remaining(site);
      const ledger = await readFile(join(stateDir, 'ledger.jsonl'), 'utf8');
      return rows.length === 0 && openInLedger(ledger).length === 0 && strangers(violence).length === 0;
    },
    { what: 'everything to come to rest', limitMs: options.patience ?? 60_000 },
  ).catch(() => undefined);
}
