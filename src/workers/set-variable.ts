import { askSite } from './ask-site.js';
import type { ErrandPlace } from './errand.js';
import { setJob } from './jobs.js';
import { setMessage } from './protocol.js';

/**
 * Sets a variable of a site through its own function, which knows where it is cached.
 *
 * @throws Error with the reason when it could not be set
 */
export async function setVariable(
  at: ErrandPlace,
  variable: { readonly name: string; readonly value: string | number },
): Promise<void> {
  await askSite(at, {
    kind: 'set',
    job: (id) => setJob(at.place, at.uri, id, variable.name, variable.value),
    schema: setMessage,
    answer: ({ type }) => (type === 'set' ? true : undefined),
    without: `its worker ended without having set ${variable.name}`,
  });
}
