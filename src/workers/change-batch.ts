import { askSite } from './ask-site.js';
import type { ErrandPlace } from './errand.js';
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
  return askSite(at, {
    kind: 'batch',
    job: (id) => batchJob(at.place, at.uri, id, wish),
    schema: batchMessage,
    answer: (message) => (message.type === 'batch' ? message.result : undefined),
  });
}
