import { askSite } from './ask-site.js';
import type { ErrandPlace } from './errand.js';
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
  const counts = await askSite(at, {
    kind: 'count',
    job: (id) => countJob(at.place, at.uri, id, queues),
    schema: countsMessage,
    answer: (message) => (message.type === 'counts' ? message.queues : undefined),
  });
  return new Map(counts.map(({ name, count, problem }) => [name, count ?? { problem: problem ?? 'unknown' }]));
}
