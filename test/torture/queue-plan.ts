import type { KillStep, Victim } from './plan.js';
import { Random } from './random.js';

/** Queues of the fixture as cron knows them, and the callbacks whose processes are queued by the module. */
export const tablesOfItems = ['drupald_fixture_tortured', 'drupald_fixture_tortured_alone'] as const;
export const queuedCallbacks = {
  'drupald_fixture_torture_queued()': 'background_process',
  'drupald_fixture_torture_queued_apart()': 'bgp:drupald_fixture_apart',
} as const;

/** Names of all queues. */
export const queueNames: readonly string[] = [...tablesOfItems, ...Object.values(queuedCallbacks)];

/** An item to be created. */
export interface PlannedItem {
  /** A queue, or a callback with brackets whose process is queued. */
  readonly queue: string;
  readonly label: string;
  /** What it does, as the fixture's worker is told. */
  readonly mood: string;
  /** Milliseconds that it takes. */
  readonly ms: number;
}

/** Items that are created one after another. */
export interface Batch {
  readonly type: 'batch';
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly items: readonly PlannedItem[];
}

export type QueueStep = Batch | KillStep;

/** What a plan is made for. */
export interface QueuePlanOptions {
  readonly seed: number;
  readonly items: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** Moods with their share in a thousand; what is left does nothing but take time. */
const moods: readonly (readonly [mood: string, share: number])[] = [
  ['writes', 150],
  ['throws-once', 12],
  ['error-once', 6],
  ['dies-once', 12],
  ['fatal-once', 4],
  ['exits-once', 6],
  ['throws', 3],
  ['dies', 3],
  ['fatal', 2],
];

/** Share of each queue in a hundred. */
const shares: readonly (readonly [queue: string, share: number])[] = [
  [tablesOfItems[0], 50],
  [tablesOfItems[1], 15],
  ['drupald_fixture_torture_queued()', 25],
  ['drupald_fixture_torture_queued_apart()', 10],
];

/** Milliseconds of the plan for each death of a kind, the fewest of it, and the longest time that daemon or database stay away. */
const deaths: readonly { victim: Victim; every: number; least: number; down?: number }[] = [
  { victim: 'worker', every: 500, least: 6 },
  { victim: 'zygote', every: 12_000, least: 1 },
  { victim: 'root', every: 30_000, least: 1 },
  { victim: 'daemon', every: 25_000, least: 1, down: 1_500 },
  { victim: 'database', every: 90_000, least: 1, down: 1_500 },
  { victim: 'database-stop', every: 120_000, least: 0, down: 1_500 },
];

/** Milliseconds between two batches. */
const interval = 400;

/** Makes what is created, what is killed, and when. The same options give the same plan. */
export function makeQueuePlan({ seed, items, duration }: QueuePlanOptions): readonly QueueStep[] {
  const random = new Random(seed);
  const steps: QueueStep[] = [];
  const count = Math.max(1, Math.floor(duration / interval));
  // Now and then a crowd.
  const weights = Array.from({ length: count }, () => (random.next() < 0.06 ? 8 : 0.5 + random.next()));
  const sum = weights.reduce((all, one) => all + one, 0);
  let made = 0;
  let due = 0;
  weights.forEach((weight, index) => {
    due += (weight / sum) * items;
    const until = index === count - 1 ? items : Math.round(due);
    const batch = Array.from({ length: Math.max(0, until - made) }, (_, offset) => itemOf(random, made + offset));
    made += batch.length;
    steps.push({ type: 'batch', at: index * interval, items: batch });
  });
  for (const { victim, every, least, down } of deaths) {
    const number = Math.max(least, Math.round(duration / every));
    for (let index = 0; index < number; index += 1) {
      steps.push({
        type: 'kill',
        at: ((index + random.next()) / number) * duration,
        victim,
        pick: random.next(),
        down: random.between(0, down ?? 0),
      });
    }
  }
  return steps.sort((one, other) => one.at - other.at);
}

function itemOf(random: Random, index: number): PlannedItem {
  // Every mood at least once, then by chance.
  const mood = moods[index]?.[0] ?? chosen(random, moods, 1_000) ?? 'works';
  const queue = chosen(random, shares, 100) ?? tablesOfItems[0];
  const chance = random.next();
  const ms = chance < 0.5 ? 0 : chance < 0.97 ? random.between(5, 60) : random.between(200, 800);
  return { queue, label: `q${index}-${mood}`, mood, ms: Math.round(ms) };
}

function chosen<T>(random: Random, list: readonly (readonly [one: T, share: number])[], of: number): T | undefined {
  let left = random.next() * of;
  for (const [one, share] of list) {
    left -= share;
    if (left < 0) {
      return one;
    }
  }
  return undefined;
}
