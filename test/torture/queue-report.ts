import { percentile } from '../bench/figures.js';
import type { LogLine } from '../harness/daemon.js';
import { itemWrongs, type ItemFinding, type QueueAccount, type QueueFacts } from './queue-oracle.js';

/** What a run of the torture of queues came to. */
export interface QueueOutcome extends QueueAccount {
  readonly seed: number;
  readonly kind: string;
  readonly seconds: number;
  readonly facts: QueueFacts;
  readonly missed: number;
  /** What all daemons have logged. */
  readonly lines: readonly LogLine[];
}

/** What is wrong, by name and number; nothing of it may be left at the end. */
export function wrongItemCounts(outcome: QueueOutcome): Map<string, number> {
  return new Map(itemWrongs.map((wrong) => [wrong, outcome.findings.filter((one) => one.wrong === wrong).length]));
}

/** The table that is printed at the end. */
export function queueTable(outcome: QueueOutcome): string {
  const { facts, waits } = outcome;
  const killed = new Map<string, number>();
  for (const { victim } of facts.killed) {
    killed.set(victim, (killed.get(victim) ?? 0) + 1);
  }
  const ms = (share: number): string => `${percentile(waits, share).toFixed(0)} ms`;
  const rows: [string, string | number][] = [
    ['site', outcome.kind],
    ['seconds', outcome.seconds.toFixed(0)],
    ['items', facts.created.filter(({ uncertain }) => !uncertain).length],
    ['items that the database cut off', facts.created.filter(({ uncertain }) => uncertain).length],
    ['begun', outcome.begun],
    ['done', outcome.done],
    ...[...killed].map(([victim, n]): [string, number] => [`killed: ${victim}`, n]),
    ['nothing there to kill', outcome.missed],
    ['killed in the middle of an item', outcome.killedInTheMiddle],
    ['set aside, told, done after retry', facts.aside.size],
    ...wrongItemCounts(outcome),
    ['done again: killed before its word', outcome.window],
    ['created → begun', waits.length === 0 ? '–' : `p50 ${ms(0.5)}, p99 ${ms(0.99)}, max ${ms(1)}`],
    ['seed', outcome.seed],
  ];
  return rows.map(([name, value]) => `${name.padEnd(38)}${value}`).join('\n');
}

/** All that is known of the first items to which something happened that may not. */
export function queueEvidence(outcome: QueueOutcome, limit = 6): string {
  return outcome.findings
    .slice(0, limit)
    .map((finding) => describe(outcome, finding))
    .join('\n\n');
}

function describe({ facts, lines }: QueueOutcome, { wrong, label, why }: ItemFinding): string {
  const traces = facts.evidence.get(label) ?? [];
  const { queue } = facts.created.find((one) => one.label === label) ?? {};
  const moments = traces.filter(({ what }) => what !== 'created' && what !== 'creating').map(({ at }) => at);
  const isNear = (at: number): boolean => moments.some((moment) => at > moment - 0.3 && at < moment + 1);
  const pids = new Set<unknown>(traces.map(({ pid }) => pid));
  const about = facts.killed.filter(({ at, pid, victim }) => pids.has(pid) || (victim !== 'worker' && isNear(at)));
  const logged = lines.filter(
    (line) =>
      pids.has(line['pid']) ||
      (isNear(Date.parse(String(line['time'])) / 1000) && (line['queue'] === queue || line['pid'] === undefined)),
  );
  return [
    `${wrong}: ${label}: ${why}`,
    ...traces.map(({ at, pid, what, detail }) => `  event  ${at.toFixed(3)} ${pid} ${what} ${detail}`),
    ...about.map(({ at, victim, pid, title }) => `  killed ${at.toFixed(3)} ${pid} ${victim} (${title})`),
    ...logged.slice(0, 30).map((line) => `  log    ${JSON.stringify(line).slice(0, 400)}`),
  ].join('\n');
}
