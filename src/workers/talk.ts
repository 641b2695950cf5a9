import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';

import type { z } from 'zod';

import type { EventBus } from '../events/bus.js';
import { Deferred } from '../support/deferred.js';
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
  const stays = new Deferred<WorkerExit>();
  worker.connection.onMessage((raw) => {
    const parsed = schema.safeParse(raw);
    if (parsed.success) {
      onMessage(parsed.data);
      if (saysStay(raw)) {
        stays.resolve({ code: 0, signal: undefined, seen: true, stays: true });
      }
    } else {
      bus.emit('worker.protocol', { pid: worker.pid, reason: 'an unknown message was passed over' });
    }
  });
  worker.connection.send(job);
  const exit = await Promise.race([worker.ended, stays.promise]);
  if (!exit.stays) {
    await drained(worker);
  }
  return exit;
}

function saysStay(raw: unknown): boolean {
  const { type, leaving } = raw as { type?: unknown; leaving?: unknown };
  return type === 'done' && leaving === 'stay';
}

/** Looks at a dead worker's socket that stays open, held by a program that it started. */
const looks = 5;

/** Milliseconds between two of them. */
const lookPause = 10;

/**
 * Waits until the socket has closed, and not longer than a few turns of the event loop.
 *
 * Counted in turns and not in time: after a stall Node serves timers first, and what
 * the worker said is still unread then.
 */
async function drained(worker: Worker): Promise<void> {
  const socket = { closed: false };
  const end = worker.connection.closed.then(() => {
    socket.closed = true;
  });
  for (let look = 0; look < looks && !socket.closed; look += 1) {
    await Promise.race([end, pause(lookPause)]);
    // Sockets are read between timers and this.
    await turn();
  }
  worker.connection.close();
}
