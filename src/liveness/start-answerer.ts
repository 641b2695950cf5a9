import { Agent, request } from 'undici';

import { basicAuthorization, drupaldHeader } from '../sites/request.js';

/** Milliseconds for the answer. */
const timeLimit = 5_000;

/** A service host as starts are sent to it. */
export interface StartAddress {
  readonly baseUrl: string;
  /** Host header; empty: the one of base_url. */
  readonly httpHost: string;
}

/**
 * Finds out whether starts of a service host are answered by a drupald: another one,
 * or this one by a rule of the web server. Its processes run in no connection of
 * Apache, so that no status page says anything about them.
 *
 * Once found it is remembered for good: workers go on while their drupald is restarted.
 */
export class StartAnswerer {
  readonly #drupalds = new Set<string>();

  /** @returns undefined: nobody answers, so it cannot be told */
  async isDrupald(address: StartAddress): Promise<boolean | undefined> {
    const key = `${address.httpHost} ${address.baseUrl}`;
    if (!this.#drupalds.has(key)) {
      const answer = await ask(address);
      if (!answer) {
        return answer;
      }
      this.#drupalds.add(key);
    }
    return true;
  }
}

/** Asks for a start without a name, which nobody has. */
async function ask({ baseUrl, httpHost }: StartAddress): Promise<boolean | undefined> {
  const dispatcher = new Agent({ pipelining: 0, connect: { timeout: timeLimit } });
  try {
    const url = new URL(baseUrl);
    const authorization = basicAuthorization(url);
    const response = await request(`${url.origin}${url.pathname.replace(/\/+$/, '')}/bgp-start/`, {
      dispatcher,
      headers: {
        ...(httpHost === '' ? {} : { host: httpHost }),
        ...(authorization === undefined ? {} : { authorization }),
      },
      signal: AbortSignal.timeout(timeLimit),
    });
    response.body.on('error', () => undefined).destroy();
    return response.headers[drupaldHeader] !== undefined;
  } catch {
    return undefined;
  } finally {
    await dispatcher.destroy();
  }
}
