import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
import { batchJob } from './jobs.js';
import { batchMessage, type BatchWish } from './protocol.js';

/** What became of it: changed, not there any more, or left as it is because it is over. */
export type BatchChange = 'changed' | 'gone' | 'done' | 'stopped' | 'finished';

/**
 * Ends a batch that does not run, or lets one go on.
 *
 * @throws Error with the reason when that could not be done
 */
export async function changeBatch(at: ErrandPlace, wish: BatchWish): Promise<BatchChange> {
  const found: { trouble: string; result?: BatchChange } = { trouble: `its worker ended without a word` };
  const job = (id: string) => batchJob(at.place, at.uri, id, wish);
  await runErrand(at, 'batch', job, batchMessage, (message) => {
    if (message.type === 'batch') found.result = message.result;
    else if (message.type === 'boot-failed') found.trouble = bootReason(message);
  });
  if (found.result === undefined) {
    throw new Error(found.trouble);
  }
  return found.result;
}
