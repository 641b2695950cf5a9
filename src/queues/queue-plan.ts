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
 * @param off the site's queues are left alone
 */
export function planQueues(
  queues: readonly QueueFact[],
  slots: Readonly<Record<string, number>>,
  off: boolean,
): PlannedQueue[] {
  return queues.map((queue) => {
    const limit = firstMatch(slots, queue.name) ?? (queue.processes ? processSlots : 1);
    const reason = off
      ? 'queues: off'
      : queue.skip && !Object.hasOwn(slots, queue.name)
        ? 'skip on cron'
        : limit === 0
          ? 'queues.slots: 0'
          : undefined;
    return { ...queue, limit: reason === undefined ? limit : 0, reason };
  });
}

/** Which drains to begin, the queues in turn, so that a long one does not hold back the others. */
export function chooseDrains<Q extends { readonly name: string; readonly limit: number }>(
  queues: readonly Q[],
  waiting: ReadonlyMap<string, number>,
  running: ReadonlyMap<string, number>,
  room: number,
): Q[] {
  const chosen: Q[] = [];
  for (let turn = 0; chosen.length < room; turn += 1) {
    const before = chosen.length;
    for (const queue of queues) {
      const wanted = Math.min(queue.limit - (running.get(queue.name) ?? 0), waiting.get(queue.name) ?? 0);
      if (turn < wanted && chosen.length < room) {
        chosen.push(queue);
      }
    }
    if (chosen.length === before) {
      break;
    }
  }
  return chosen;
}
