import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
import { countJob } from './jobs.js';
import { countsMessage } from './protocol.js';

/** How many items a queue says that it holds, or why it cannot say. */
export type ItemCount = number | { readonly problem: string };

/**
 * Asks queues that are not kept in the site's database how many items they hold, by their own interface.
 *
 * @returns by name
 * @throws Error with the reason when the site could not be asked
 */
export async function countItems(at: ErrandPlace, queues: readonly string[]): Promise<Map<string, ItemCount>> {
  const found: { counts?: Map<string, ItemCount>; trouble: string } = { trouble: 'its worker ended without a word' };
  const job = (id: string) => countJob(at.place, at.uri, id, queues);
  await runErrand(at, 'count', job, countsMessage, (message) => {
    if (message.type === 'counts') {
      found.counts = new Map(
        message.queues.map(({ name, count, problem }) => [name, count ?? { problem: problem ?? 'unknown' }]),
      );
    } else if (message.type === 'boot-failed') {
      found.trouble = bootReason(message);
    }
  });
  if (!found.counts) {
    throw new Error(found.trouble);
  }
  return found.counts;
}
