import type { ProcessIdentity } from '../process/identity.js';
import type { Outcome } from '../process/outcome.js';
import { killRest } from '../workers/worker.js';
import { descendants, freeze, signalAll } from '../workers/process-tree.js';
import type { RunRecord } from './run-record.js';

/**
 * Ends a run with everything that it has started: TERM, grace, KILL (design decision 8).
 *
 * What is left to do for it (its row, its hook, its locks, its database session) is
 * done by the pipeline, which sees the worker die.
 *
 * @param cause what the run comes to, unless it comes to its own end first
 * @param grace milliseconds
 * @param onWritten called when the next daemon would know of it, before the first signal
 * @returns false: it had been stopped before, or has ended
 */
export async function stopRun(
  record: RunRecord,
  cause: Outcome,
  grace: number,
  onWritten: () => void = () => undefined,
): Promise<boolean> {
  const { worker, left } = record;
  if (record.stopped || record.state === 'settling' || record.state === 'ended') {
    return false;
  }
  record.stopped = cause;
  record.onStop(cause);
  onWritten();
  if (!worker) {
    // It waits for one, which will not begin it.
    return true;
  }
  // Before the first signal: orphans are nobody's children any more.
  const started = await descendants(worker.pid);
  worker.kill('SIGTERM');
  await signalAll(started, 'SIGTERM');
  // One that does not listen may have started others since.
  const late: ProcessIdentity[] = [];
  const timer = setTimeout(() => {
    worker.kill('SIGSTOP');
    void freeze(worker.pid, late).finally(() => worker.kill('SIGKILL'));
  }, grace);
  await left.promise;
  clearTimeout(timer);
  killRest(worker.pid);
  await signalAll([...started, ...late], 'SIGKILL');
  return true;
}
