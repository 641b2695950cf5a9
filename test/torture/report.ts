import { percentile } from '../bench/figures.js';
import { type Account, type Facts, type Finding, wrongs } from './oracle.js';

/** What a run of the torture came to. */
export interface Outcome extends Account {
  readonly seed: number;
  readonly kind: string;
  readonly seconds: number;
  readonly facts: Facts;
  /** Milliseconds. */
  readonly times: readonly number[];
  readonly missed: number;
  readonly unasked: number;
  /** Names of locks that are left. */
  readonly locks: readonly string[];
  /** Titles of processes that are left and should not be. */
  readonly left: readonly string[];
  /** File descriptors of the daemon at rest, at the beginning and at the end. */
  readonly descriptors: readonly [number, number];
  readonly ledger: string;
}

/** Descriptors by which a daemon at rest may differ from another: connections of pools and spare workers. */
const descriptorRoom = 12;

/** What is wrong, by name and number; nothing of it may be left at the end. */
export function wrongCounts(outcome: Outcome): Map<string, number> {
  const counts = new Map<string, number>(
    wrongs.map((wrong) => [wrong, outcome.findings.filter((finding) => finding.wrong === wrong).length]),
  );
  counts.set('locks left', outcome.locks.length);
  counts.set('processes left', outcome.left.length);
  counts.set('descriptors too many', Math.max(0, outcome.descriptors[1] - outcome.descriptors[0] - descriptorRoom));
  return counts;
}

/** The table that is printed at the end. */
export function table(outcome: Outcome): string {
  const { facts, times } = outcome;
  const states = count(facts.started.map(({ state }) => state));
  const killed = count(facts.killed.map(({ victim }) => victim));
  const ms = (share: number): string => `${percentile(times, share).toFixed(0)} ms`;
  const rows: [string, string | number][] = [
    ['site', outcome.kind],
    ['seconds', outcome.seconds.toFixed(0)],
    ['processes', facts.started.length - (states.get('uncertain') ?? 0)],
    ['  starts answered with 200', states.get('accepted') ?? 0],
    ['  left to the sweep', states.get('sent') ?? 0],
    ['  not accepted', states.get('refused') ?? 0],
    ['rows that the database cut off', states.get('uncertain') ?? 0],
    ['runs begun', outcome.begun],
    ['hooks called', outcome.hooks],
    ...[...killed].map(([victim, n]): [string, number] => [`killed: ${victim}`, n]),
    ['nothing there to kill', outcome.missed],
    ...wrongCounts(outcome),
    ['interrupted hooks', outcome.interrupted],
    ['chains broken off by an absence', outcome.brokenChains],
    ['rows of such, left to the site', outcome.unasked],
    ['descriptors at rest', outcome.descriptors.join(' → ')],
    ['deaths measured', times.length],
    ['death → settled row', times.length === 0 ? '–' : `p50 ${ms(0.5)}, p99 ${ms(0.99)}, max ${ms(1)}`],
    ['seed', outcome.seed],
  ];
  return rows.map(([name, value]) => `${name.padEnd(34)}${value}`).join('\n');
}

/** All that is known of the first processes to which something happened that may not. */
export function evidenceOf(outcome: Outcome, limit = 5): string {
  const first = new Map<string, Finding>();
  for (const finding of outcome.findings) {
    first.set(finding.handle, first.get(finding.handle) ?? finding);
  }
  return [
    ...[...first.values()].slice(0, limit).map((finding) => describe(outcome, finding)),
    ...(outcome.locks.length > 0 ? [`Locks left: ${outcome.locks.join(', ')}`] : []),
    ...(outcome.left.length > 0 ? [`Processes left: ${outcome.left.join(', ')}`] : []),
  ].join('\n\n');
}

function describe(outcome: Outcome, { handle, wrong, why }: Finding): string {
  const { facts } = outcome;
  const traces = facts.evidence.get(handle) ?? [];
  const from = Math.min(...traces.map(({ at }) => at));
  const pids = new Set(traces.map(({ pid }) => pid));
  const about = facts.killed.filter(
    ({ at, title, pid }) => pids.has(pid) || title.endsWith(` ${handle}`) || (at > from - 1 && at < from + 2),
  );
  return [
    `${wrong}: ${handle}: ${why}`,
    `  state ${facts.started.find((one) => one.handle === handle)?.state ?? 'started by a process'}`,
    ...traces.map(({ at, pid, what, detail }) => `  event  ${at.toFixed(3)} ${pid} ${what} ${detail}`),
    ...about.map(({ at, victim, pid, title }) => `  killed ${at.toFixed(3)} ${pid} ${victim} (${title})`),
    ...facts.lines.filter((line) => line['handle'] === handle).map((line) => `  log    ${JSON.stringify(line)}`),
    ...outcome.ledger
      .split('\n')
      .filter((line) => line.includes(`"${handle}"`))
      .map((line) => `  ledger ${line}`),
  ].join('\n');
}

function count<T>(list: readonly T[]): Map<T, number> {
  const counts = new Map<T, number>();
  for (const one of list) {
    counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  return counts;
}
