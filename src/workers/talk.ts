import type { z } from 'zod';

import type { EventBus } from '../events/bus.js';
import type { Job } from './protocol.js';
import type { Worker, WorkerExit } from './worker.js';

/**
 * Gives a worker its job and hands on what it says, in order.
 *
 * Resolves when the worker is dead and everything it said has been handed on:
 * its parent's word can overtake its last lines, which come by another socket.
 */
export async function talk<M>(
  worker: Worker,
  job: Job,
  schema: z.ZodType<M>,
  bus: EventBus,
  onMessage: (message: M) => void,
): Promise<WorkerExit> {
  worker.connection.onMessage((raw) => {
    const parsed = schema.safeParse(raw);
    if (parsed.success) {
      onMessage(parsed.data);
    } else {
      bus.emit('worker.protocol', { pid: worker.pid, reason: 'an unknown message was passed over' });
    }
  });
  worker.connection.send(job);
  const exit = await worker.ended;
  await drained(worker);
  return exit;
}

/** Milliseconds that a dead worker's socket may stay open, held by a program that it started. */
const heldOpen = 50;

async function drained(worker: Worker): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const grace = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, heldOpen);
  });
  await Promise.race([worker.connection.closed, grace]);
  clearTimeout(timer);
  worker.connection.close();
}
