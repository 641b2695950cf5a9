import type { EventBus } from '../events/bus.js';
import { sizeOf } from '../outcome/run-log.js';
import { outOfMemoryLimit, outOfOutput, outOfTime } from '../process/outcome.js';
import { logFile } from '../workers/jobs.js';
import { descendants, memoryOf } from '../workers/process-tree.js';
import type { RunLimits } from './process-rules.js';
import type { RunRecord } from './run-record.js';
import { stopRun } from './stop-run.js';

/** Milliseconds between two looks at the memory and at the log of a run. */
const interval = 500;

/** Milliseconds that a run gets to tell where it is. */
const stackTime = 300;

/** Longest time that a timer can wait for, in milliseconds. */
const longest = 2 ** 31 - 1;

/**
 * Ends a run that goes beyond its limits, whatever it does: it may sleep, loop, wait
 * or block signals. To be called at the claim.
 *
 * @param grace milliseconds between SIGTERM and SIGKILL
 * @returns ends the watch
 */
export function watchLimits(record: RunRecord, limits: RunLimits, grace: number, bus: EventBus): () => void {
  const { callback, id, site } = record.dispatch;
  const timers: NodeJS.Timeout[] = [];
  const { time, memory, output } = limits;
  if (time !== undefined) {
    const wait = (): void => {
      const left = Math.max(0, time - record.ranMs);
      timers.push(setTimeout(() => (left > longest ? wait() : void over()), Math.min(left, longest)));
    };
    const over = async (): Promise<void> => {
      const stack = await askStack(record);
      await stop(record, outOfTime(callback, time, stack[0]), grace, bus);
    };
    wait();
  }
  if (memory !== undefined) {
    const look = async (): Promise<void> => {
      const pid = record.pid ?? 0;
      const used = await memoryOf([pid, ...(await descendants(pid)).map((one) => one.pid)]);
      if (used > memory) {
        await stop(record, outOfMemoryLimit(callback, memory, used), grace, bus);
      }
    };
    timers.push(setInterval(() => void look(), interval));
  }
  if (output !== undefined) {
    const look = async (): Promise<void> => {
      // What PHP prints goes no further than the mark behind the limit, so that no disk is filled meanwhile.
      if ((await sizeOf(logFile(site.place, id))) > output) {
        await stop(record, outOfOutput(callback, output), grace, bus);
      }
    };
    timers.push(setInterval(() => void look(), interval));
  }
  return () => {
    for (const timer of timers) {
      clearTimeout(timer);
    }
  };
}

async function stop(
  record: RunRecord,
  cause: Parameters<typeof stopRun>[1],
  grace: number,
  bus: EventBus,
): Promise<void> {
  const { site, handle, callback } = record.dispatch;
  await stopRun(record, cause, grace, () => {
    bus.emit('run.stopped', { site: site.name, handle, callback, reason: cause.sentence });
  });
}

/** Where a run is: its calls, innermost first; empty when it does not answer. */
async function askStack(record: RunRecord): Promise<readonly string[]> {
  const { pid } = record;
  if (!record.tellsStack || pid === undefined || record.state !== 'running') {
    return [];
  }
  const answered = new Promise<void>((resolve) => {
    record.onStack = resolve;
    setTimeout(resolve, stackTime).unref();
  });
  try {
    process.kill(pid, 'SIGUSR2');
  } catch {
    return [];
  }
  await answered;
  return record.stack ?? [];
}
