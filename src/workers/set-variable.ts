import { bootReason } from './describe-site.js';
import { runErrand, type ErrandPlace } from './errand.js';
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
  const found: { trouble?: string } = { trouble: `its worker ended without having set ${variable.name}` };
  const job = (id: string) => setJob(at.place, at.uri, id, variable.name, variable.value);
  await runErrand(at, 'set', job, setMessage, (message) => {
    if (message.type === 'set') delete found.trouble;
    else if (message.type === 'boot-failed') found.trouble = bootReason(message);
  });
  if (found.trouble !== undefined) {
    throw new Error(found.trouble);
  }
}
