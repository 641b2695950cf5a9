import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { unserialize } from 'php-serialize';
import { drupald } from '../harness/daemon.js';
import type { SiteKind } from '../harness/site.js';
import type { Suite } from '../harness/suite.js';
import { waitFor } from '../harness/wait.js';
import { type Arena, inArena, strangers } from './arena.js';
import { openInLedger, readEvidence } from './evidence.js';
import type { KillStep } from './plan.js';
import { accountItems, type QueueFacts } from './queue-oracle.js';
import { makeQueuePlan, queuedCallbacks, queueNames, type QueuePlanOptions, tablesOfItems } from './queue-plan.js';
import { Producer } from './queue-producer.js';
import type { QueueOutcome } from './queue-report.js';

/** What is to be tortured, and how long. */
export interface QueueTortureOptions extends QueuePlanOptions {
  readonly kind: SiteKind;
  readonly suite?: Suite;
  /** Milliseconds that everything may take to come to rest behind the plan. */
  readonly patience?: number;
  readonly tell?: (line: string) => void;
}

/** How the daemon sees to failures: soon set aside, soon tried again. */
const config = `queues:
  attempts: 3
  pause: 200 ms
  lease: 4 s
  slots: { ${tablesOfItems[0]}: 3 }
`;

/** A lease that ends never. */
const never = 2_147_483_647;

/** Milliseconds for which a death waits for something that it can strike. */
const victimPatience = 2_000;

interface ItemRow {
  readonly id: number;
  readonly queue: string;
  readonly expire: number;
  readonly label: string;
}

/** Runs a plan on a site, a server and a daemon of its own and accounts for every item. Leaves nothing behind. */
export function tortureQueues(options: QueueTortureOptions): Promise<QueueOutcome> {
  const apart = Object.keys(queuedCallbacks)[1]!.slice(0, -2);
  const conf = {
    background_process_queues: { [apart]: queuedCallbacks['drupald_fixture_torture_queued_apart()'].slice(4) },
  };
  return inArena({ kind: options.kind, suite: options.suite, slots: 12, config, conf }, (arena) =>
    perform(options, arena),
  );
}

async function perform(options: QueueTortureOptions, arena: Arena): Promise<QueueOutcome> {
  const { site, violence, evidence } = arena;
  const began = Date.now();
  const producer = new Producer(site);
  await play(options, arena, producer);
  options.tell?.(`The plan is done after ${seconds(began)} s; waiting for rest.`);
  await producer.settled();
  options.tell?.(`All items are created after ${seconds(began)} s.`);
  await violence.settled();
  await rest(options, arena, ({ expire }) => expire === never);
  options.tell?.(`At rest after ${seconds(began)} s; what is set aside is tried again.`);
  const aside = (await itemRows(arena)).filter(({ expire }) => expire === never);
  const told = await toldAside(arena);
  const mender = await site.caller();
  await mender.php("variable_set('drupald_fixture_mended', TRUE);");
  await mender.close();
  for (const queue of new Set(aside.map((item) => item.queue))) {
    await ask(arena, 'queue', 'retry', queue);
  }
  await rest(options, arena, () => false);
  const rows = await itemRows(arena);
  const traces = await readEvidence(evidence);
  const facts: QueueFacts = {
    created: producer.created,
    evidence: traces,
    aside: new Set(aside.map(({ label }) => label)),
    told: new Set(aside.filter(({ id }) => told.has(id)).map(({ label }) => label)),
    waiting: new Set(rows.map(({ label }) => label)),
    left: await whatIsLeft(arena, producer),
    killed: violence.killed,
    calm: (from, to) => violence.calm(from, to),
  };
  return {
    ...accountItems(facts),
    seed: options.seed,
    kind: options.kind,
    seconds: (Date.now() - began) / 1000,
    facts,
    missed: violence.missed,
    lines: violence.lines,
  };
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(0);
}

/** Does each step at its time, or as soon after it as the machine allows. */
async function play(options: QueueTortureOptions, { violence }: Arena, producer: Producer): Promise<void> {
  const began = performance.now();
  const strikes: Promise<void>[] = [];
  for (const step of makeQueuePlan(options)) {
    await pause(Math.max(0, step.at - (performance.now() - began)));
    if (step.type === 'batch') {
      producer.add(step.items);
    } else {
      strikes.push(strike(violence, step));
    }
  }
  await Promise.all(strikes);
}

/** A worker is there only while items are: a death waits for it a while. */
async function strike(violence: Arena['violence'], step: KillStep): Promise<void> {
  const until = performance.now() + victimPatience;
  if (step.victim === 'worker') {
    while (!violence.has(/^drupald run /) && performance.now() < until) {
      await pause(20);
    }
    // Else each would be killed at its very beginning.
    await pause(step.pick * 200);
  }
  violence.strike(step);
}

/** Rows of all queues with the labels of their items. */
async function itemRows({ site }: Arena): Promise<ItemRow[]> {
  const rows = await site.sql<{ id: number; queue: string; expire: number; data: Buffer }>(
    'SELECT item_id AS id, name AS queue, expire, data FROM {queue} WHERE name IN (?)',
    [queueNames],
  );
  return rows.map(({ data, ...row }) => ({ ...row, label: (unserialize(data.toString()) as [string])[0] }));
}

/** Numbers of items that the program tells of as set aside. */
async function toldAside(arena: Arena): Promise<Set<number>> {
  const told = new Set<number>();
  const list = JSON.parse(await ask(arena, 'queue', 'list', '--json')) as {
    queues: readonly { queue: string; aside: number | null }[];
  };
  for (const { queue, aside } of list.queues) {
    if (queueNames.includes(queue)) {
      const shown = JSON.parse(await ask(arena, 'queue', 'show', queue, '--json')) as {
        items: readonly { id: number; aside: boolean; lease: number }[];
      };
      const ids = shown.items.filter((item) => item.aside && item.lease !== 0).map(({ id }) => id);
      // The two have to agree, or nothing counts as told.
      if (ids.length === aside) ids.forEach((id) => told.add(id));
    }
  }
  return told;
}

async function ask({ violence }: Arena, ...args: string[]): Promise<string> {
  const result = await drupald([...args, '--state-dir', violence.daemon.stateDir]);
  if (result.code !== 0) {
    throw new Error(`drupald ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
  }
  return result.stdout;
}

/** Waits until nothing is left to do but what may stay. What is still there after that time is stuck, and accounted for. */
async function rest(options: QueueTortureOptions, arena: Arena, mayStay: (row: ItemRow) => boolean): Promise<void> {
  const { violence } = arena;
  await waitFor(
    async () => {
      const rows = await itemRows(arena);
      const ledger = await readFile(join(violence.daemon.stateDir, 'ledger.jsonl'), 'utf8');
      return rows.every(mayStay) && openInLedger(ledger).length === 0 && strangers(violence).length === 0;
    },
    { what: 'everything to come to rest', limitMs: options.patience ?? 60_000 },
  ).catch(() => undefined);
}

/** Everything but items that a site and a daemon at rest do not have. */
async function whatIsLeft(arena: Arena, producer: Producer): Promise<string[]> {
  const { site, violence } = arena;
  const names = async (sql: string): Promise<string[]> =>
    (await site.sql<{ name: string }>(sql)).map(({ name }) => name);
  // Where the database failed between making the process and queueing it; the site's own cron removes such.
  const halves = new Set(producer.created.filter(({ uncertain }) => uncertain).map(({ label }) => label));
  const ledger = await readFile(join(violence.daemon.stateDir, 'ledger.jsonl'), 'utf8');
  const left: Record<string, readonly string[]> = {
    row: (await names('SELECT handle AS name FROM {background_process}')).filter((name) => !halves.has(name)),
    'open progress': await names('SELECT name FROM {progress} WHERE end_stamp = 0'),
    lock: await names('SELECT name FROM {semaphore}'),
    'open line in the ledger': openInLedger(ledger),
    process: strangers(violence),
  };
  return Object.entries(left).flatMap(([what, all]) => all.map((name) => `${what}: ${name}`));
}
