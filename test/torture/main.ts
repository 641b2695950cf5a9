import { realDrupal } from '../harness/paths.js';
import { queueEvidence, queueTable, wrongItemCounts } from './queue-report.js';
import { tortureQueues } from './queue-torture.js';
import { evidenceOf, table, wrongCounts } from './report.js';
import { torture } from './torture.js';

/** What the command line asks for. */
export interface MainOptions {
  readonly minutes: number;
  readonly processes: number;
  readonly seed: number;
  readonly standIn: boolean;
}

/** Runs the long form and prints what it came to. Answers whether nothing was wrong. */
export async function main(options: MainOptions): Promise<boolean> {
  const kind = !options.standIn && realDrupal() !== undefined ? 'real' : 'stand-in';
  console.log(
    `${options.processes} processes in ${options.minutes} minutes on the ${kind} site, seed ${options.seed} (npm run torture -- --seed ${options.seed})`,
  );
  const outcome = await torture({
    kind,
    seed: options.seed,
    processes: options.processes,
    duration: options.minutes * 60_000,
    patience: 120_000,
    tell: (line) => console.log(line),
  });
  const evidence = evidenceOf(outcome);
  if (evidence !== '') {
    console.log(`\n${evidence}\n`);
  }
  console.log(table(outcome));
  return [...wrongCounts(outcome).values()].every((count) => count === 0);
}

/** The same for items of queues, which only the real site has. */
export async function mainOfQueues(options: { items: number; minutes: number; seed: number }): Promise<boolean> {
  const { items, minutes, seed } = options;
  console.log(
    `${items} items in ${minutes.toFixed(1)} minutes, seed ${seed} (npm run torture -- --queue --items ${items} --minutes ${minutes} --seed ${seed})`,
  );
  const outcome = await tortureQueues({
    kind: 'real',
    seed,
    items,
    duration: minutes * 60_000,
    patience: 120_000,
    tell: (line) => console.log(line),
  });
  const evidence = queueEvidence(outcome);
  if (evidence !== '') {
    console.log(`\n${evidence}\n`);
  }
  console.log(queueTable(outcome));
  return [...wrongItemCounts(outcome).values()].every((count) => count === 0);
}
