import { Agent } from 'undici';

import { guardedLookup } from './private-address.js';
import type { RequestOrder } from './order.js';

/** Milliseconds until a connection must be there. */
const connectTimeout = 10_000;

/** How many ways to allow private addresses have connections of their own. */
const kept = 16;

/** Pools of connections: those that were checked are never used by requests that are not. */
export class Dispatchers {
  readonly #agents = new Map<string, Agent>();
  readonly #perHost: number;

  /** @param perHost connections to one host at a time; further requests wait for one of them */
  constructor(perHost: number) {
    this.#perHost = perHost;
  }

  /** The pool for requests with this rule about private addresses. */
  for(rule: RequestOrder['private']): Agent {
    const key = JSON.stringify(rule);
    const found = this.#agents.get(key);
    if (found) return found;
    const oldest = this.#agents.size >= kept ? this.#agents.keys().next().value : undefined;
    if (oldest !== undefined) {
      void this.#agents.get(oldest)?.close();
      this.#agents.delete(oldest);
    }
    const lookup = rule === true ? {} : { lookup: guardedLookup(rule || []) };
    // The order's own time counts, not one for each part.
    const agent = new Agent({
      connections: this.#perHost,
      connect: { timeout: connectTimeout, ...lookup },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#agents.set(key, agent);
    return agent;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }
}
