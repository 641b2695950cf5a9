import { Random } from './random.js';

/** One way for a process to end, as the fixture's callback is told. */
export interface Ending {
  readonly how: string;
  readonly value?: unknown;
  /** Runs that a chain wants to be. */
  readonly links?: number;
  /** Ends by an error or a signal of its own making: the moment of its death is known. */
  readonly dies?: boolean;
}

/** How one copy of a start request is sent: in whole, left without waiting for the answer, or cut in the middle. */
export type Sending = 'whole' | 'left' | 'cut';

/** A process to be started. */
export interface StartStep {
  readonly type: 'start';
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly handle: string;
  readonly ending: Ending;
  /** The copies of its request, sent at the same time. */
  readonly sendings: readonly Sending[];
  /** Milliseconds between its row and its request. */
  readonly delay: number;
}

/** What is killed; the database is also stopped in good order. */
export type Victim = 'worker' | 'spare' | 'zygote' | 'root' | 'daemon' | 'database' | 'database-stop';

/** A death to be brought about. */
export interface KillStep {
  readonly type: 'kill';
  readonly at: number;
  readonly victim: Victim;
  /** At least 0 and less than 1: which of those that are there. */
  readonly pick: number;
  /** Milliseconds until daemon or database is started again. */
  readonly down: number;
}

export type Step = StartStep | KillStep;

/** What a plan is made for. */
export interface PlanOptions {
  readonly seed: number;
  readonly processes: number;
  /** Milliseconds. */
  readonly duration: number;
}

const ends: readonly Ending[] = [
  { how: 'return' },
  { how: 'return', value: false },
  { how: 'noop' },
  { how: 'exits', value: 0 },
  { how: 'exits', value: 3 },
  { how: 'exits_with_text' },
  { how: 'goes_to', value: 'node/1' },
  { how: 'drupal_exit' },
  { how: 'throws', value: 'tortured', dies: true },
  { how: 'throws_error', dies: true },
  { how: 'fatal', dies: true },
  { how: 'redeclares', dies: true },
  { how: 'out_of_memory', dies: true },
  { how: 'out_of_memory_slowly', dies: true },
  { how: 'signal', value: 9, dies: true },
  { how: 'signal', value: 11, dies: true },
  { how: 'signal', value: 15, dies: true },
  { how: 'dies_half_way', dies: true },
  { how: 'sleep', value: 0.1 },
  { how: 'sleep', value: 0.4 },
  { how: 'sleep', value: 1 },
  { how: 'sleep', value: 2.5 },
  { how: 'busy', value: 0.2 },
  { how: 'keepalive', links: 2 },
  { how: 'keepalive', links: 4 },
  { how: 'restart', links: 2 },
  { how: 'restart', links: 3 },
  { how: 'torture_locks', value: 'return' },
  { how: 'torture_locks', value: 'kill', dies: true },
  { how: 'torture_locks', value: 'exit' },
  { how: 'ends_in_transaction', value: 'fatal', dies: true },
  { how: 'ends_in_transaction', value: 'memory', dies: true },
  { how: 'ends_in_transaction', value: 'plain' },
  { how: 'leaves_transaction' },
  { how: 'loses_database' },
  { how: 'closes_connections' },
  { how: 'ends_buffers' },
  { how: 'programs' },
  { how: 'programs', value: 'kill' },
  { how: 'slow_shutdown', value: 0.3 },
  { how: 'throws_in_shutdown' },
  { how: 'exits_in_shutdown', value: 4 },
  { how: 'progress', value: 4 },
  { how: 'removes-itself' },
  { how: 'unlocks_itself', value: 'return' },
  { how: 'unlocks_itself', value: 'kill' },
  { how: 'unlocks_itself', value: 'throw' },
  { how: 'starts' },
];

/** Milliseconds of the plan for each death of a kind, and the longest time that daemon or database stay away. */
const deaths: readonly { victim: Victim; every: number; down?: number }[] = [
  { victim: 'worker', every: 900 },
  { victim: 'spare', every: 4_000 },
  { victim: 'zygote', every: 3_000 },
  { victim: 'root', every: 8_000 },
  { victim: 'daemon', every: 6_000, down: 1_200 },
  { victim: 'database', every: 14_000, down: 1_500 },
  { victim: 'database-stop', every: 25_000, down: 1_500 },
];

/** Makes what is done and when. The same options give the same plan. */
export function makePlan(options: PlanOptions): readonly Step[] {
  const random = new Random(options.seed);
  const steps: Step[] = [];
  for (let index = 0; index < options.processes; index += 1) {
    // Every end at least once where there are enough, then by chance; a third comes in crowds.
    const ending = index < ends.length ? ends[index]! : random.one(ends);
    const at = random.between(0, options.duration);
    steps.push({
      type: 'start',
      at: random.next() < 0.3 ? at - (at % 2_000) : at,
      handle: `t${index}-${ending.how}`,
      ending,
      sendings: sendingsOf(random),
      delay: random.next() < 0.5 ? 0 : random.between(0, 60),
    });
  }
  for (const { victim, every, down } of deaths) {
    const count = Math.max(1, Math.round(options.duration / every));
    for (let index = 0; index < count; index += 1) {
      steps.push({
        type: 'kill',
        at: ((index + random.next()) / count) * options.duration,
        victim,
        pick: random.next(),
        down: random.between(0, down ?? 0),
      });
    }
  }
  return steps.sort((one, other) => one.at - other.at);
}

function sendingsOf(random: Random): Sending[] {
  const chance = random.next();
  if (chance < 0.04) {
    return ['cut'];
  }
  if (chance < 0.1) {
    return ['left'];
  }
  const copies = chance < 0.3 ? 2 + Math.floor(random.next() * 4) : 1;
  return Array.from({ length: copies }, () => 'whole');
}
