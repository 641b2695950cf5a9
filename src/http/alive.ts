import { request } from 'undici';

import { formatListen } from '../config/config.js';
import type { ListenAddress } from '../config/kinds.js';

/** What /healthz answers; a second daemon knows the first by it. */
export const aliveText = 'drupald is alive.';

/** Milliseconds for the answer. */
const timeout = 2_000;

/**
 * Whether a drupald answers at an address. An address for all interfaces is asked on the loopback one.
 *
 * @returns undefined: somebody is there who does not speak HTTP, or nobody
 */
export async function answersAsDrupald(listen: ListenAddress): Promise<boolean | undefined> {
  const host = listen.host === '0.0.0.0' ? '127.0.0.1' : listen.host === '::' ? '::1' : listen.host;
  try {
    const answer = await request(`http://${formatListen({ ...listen, host })}/healthz`, {
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    return (await answer.body.text()).startsWith(aliveText);
  } catch {
    return undefined;
  }
}
