import { randomBytes } from 'node:crypto';

import { Agent, request } from 'undici';

import { basicAuthorization } from '../sites/request.js';
import type { PageAddress } from '../sites/service-hosts.js';
import { readStatusPage, type NoPage, type StatusPage } from './status-page.js';

/** Bytes of a page that are read at most. */
const sizeLimit = 1024 * 1024;

/** Milliseconds for a whole page. */
const timeLimit = 5_000;

/** A page with the moment at which it was asked for, in seconds since 1970. */
export interface ReadPage {
  readonly page: StatusPage | NoPage;
  readonly readAt: number;
}

/**
 * Reads status pages, each address once: made anew for each sweep.
 *
 * Each request carries a random mark in its address. Apache passes over it and lists
 * it with the request, which proves that a page is of this very moment and of the
 * server that was asked.
 */
export class StatusSource {
  readonly #pages = new Map<string, Promise<ReadPage>>();

  /** The page of an address. Never rejects: what goes wrong is the reason of a page that tells nothing. */
  read(address: PageAddress): Promise<ReadPage> {
    const key = `${address.httpHost} ${address.url}`;
    const page = this.#pages.get(key) ?? fetchPage(address);
    this.#pages.set(key, page);
    return page;
  }
}

async function fetchPage(address: PageAddress): Promise<ReadPage> {
  const readAt = Date.now() / 1000;
  const agent = new Agent({ pipelining: 0, connect: { timeout: timeLimit } });
  try {
    return { page: await ask(address, agent), readAt };
  } catch (error) {
    return { page: { kind: 'none', reason: failure(error) }, readAt };
  } finally {
    await agent.destroy();
  }
}

async function ask(address: PageAddress, dispatcher: Agent): Promise<StatusPage | NoPage> {
  const mark = randomBytes(6).toString('hex');
  const url = new URL(address.url);
  const authorization = basicAuthorization(url);
  url.username = '';
  url.password = '';
  // Whatever the address asked for besides, such as ?auto or ?notable, would show less.
  url.search = `?drupald=${mark}`;
  const response = await request(url, {
    dispatcher,
    headers: {
      accept: 'text/html',
      ...(address.httpHost === '' ? {} : { host: address.httpHost }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    signal: AbortSignal.timeout(timeLimit),
  });
  if (response.statusCode !== 200) {
    response.body.on('error', () => undefined).destroy();
    return { kind: 'none', reason: `its address answers with ${response.statusCode}` };
  }
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response.body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > sizeLimit) {
      return { kind: 'none', reason: 'it is longer than 1 MB' };
    }
    parts.push(part);
  }
  return readStatusPage(Buffer.concat(parts).toString('utf8'), mark);
}

/** In few words, and never with the address, which may hold a password. */
function failure(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string };
  if (name === 'TimeoutError' || code === 'UND_ERR_ABORTED') {
    return `its address does not answer within ${timeLimit / 1000} s`;
  }
  return `its address cannot be read (${code ?? name ?? 'unknown'})`;
}
