import type { QueueFact } from '../sites/description.js';
import { firstMatch } from '../support/pattern.js';

/** Workers of a queue of Background Process, where nothing is set: its items are what people wait for. */
const processSlots = 4;

/** What is done about one queue. */
export interface PlannedQueue extends QueueFact {
  /** Workers at the same time; 0: it is left alone. */
  readonly limit: number;
  /** Why it is left alone. */
  readonly reason: string | undefined;
}

/**
 * Says how each queue of a site is worked off.
 *
 * @param slots workers by pattern of the name
 * @param off why all of the site's queues are left alone; undefined: they are not
 */
export function planQueues(
  queues: readonly QueueFact[],
  slots: Readonly<Record<string, number>>,
  off: string | undefined,
): PlannedQueue[] {
  return queues.map((queue) => {
    const limit = firstMatch(slots, queue.name) ?? (queue.processes ? processSlots : 1);
    const reason = off ?? (queue.unusable || undefined) ?? aloneBecause(queue, slots, limit);
    return { ...queue, limit: reason === undefined ? limit : 0, reason };
  });
}

/** Why a queue is left alone that the others are not; undefined: it is worked off. */
function aloneBecause(
  { skip, name }: QueueFact,
  slots: Readonly<Record<string, number>>,
  limit: number,
): string | undefined {
  if (skip && !Object.hasOwn(slots, name)) {
    return 'skip on cron';
  }
  return limit === 0 ? 'queues.slots: 0' : undefined;
}

/**
 * Which drains to begin: always of the queue that has the fewest workers, so that a long one does not
 * hold back the others; of several that of which none has begun for the longest time.
 *
 * @param begun when a worker of each queue began last, in any unit
 */
export function chooseDrains<Q extends { readonly name: string; readonly limit: number }>(
  queues: readonly Q[],
  waiting: ReadonlyMap<string, number>,
  running: ReadonlyMap<string, number>,
  room: number,
  begun: ReadonlyMap<string, number> = new Map(),
): Q[] {
  const chosen: Q[] = [];
  const rivals = queues.map((queue) => ({
    queue,
    workers: running.get(queue.name) ?? 0,
    wanted: Math.min(queue.limit - (running.get(queue.name) ?? 0), waiting.get(queue.name) ?? 0),
    begun: begun.get(queue.name) ?? Number.NEGATIVE_INFINITY,
  }));
  while (chosen.length < room) {
    const [next] = rivals
      .filter(({ wanted }) => wanted > 0)
      .sort((one, other) => one.workers - other.workers || one.begun - other.begun);
    if (!next) {
      break;
    }
    chosen.push(next.queue);
    next.workers += 1;
    next.wanted -= 1;
  }
  return chosen;
}
