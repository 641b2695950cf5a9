import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';

import { AddressError, type Answer, failureOf, FileError, LargeBodyError, mayTryAgain } from './answer.js';
import type { Dispatchers } from './dispatchers.js';
import { pauseBefore, type RequestOrder } from './order.js';
import { refuseLiteral } from './private-address.js';

const redirects: readonly number[] = [301, 302, 303, 307, 308];

/** What requests are made with. */
export interface Sender {
  readonly dispatchers: Dispatchers;
  /** Bytes of a body that has no file of its own: it goes through the site's database. */
  readonly bodyMax: number;
}

/** Makes a request, again where that may help. Rejects only when `stop` is aborted. */
export async function send(order: RequestOrder, sender: Sender, stop: AbortSignal): Promise<Answer> {
  const start = Date.now() / 1000;
  for (let attempts = 1; ; attempts += 1) {
    const limit = order.timeout > 0 ? AbortSignal.timeout(order.timeout * 1000) : undefined;
    const found = await sendOnce(order, sender, limit ? AbortSignal.any([stop, limit]) : stop);
    stop.throwIfAborted();
    if (attempts > order.retries || !mayTryAgain(found.code, order.method)) {
      return { ...found, start, end: Date.now() / 1000, attempts };
    }
    await pause(1000 * pauseBefore(order.pause, attempts), undefined, { signal: stop });
  }
}

type Found = Omit<Answer, 'start' | 'end' | 'attempts'>;

async function sendOnce(order: RequestOrder, sender: Sender, signal: AbortSignal): Promise<Found> {
  let { url, method } = order;
  let headers: Record<string, string> = { ...order.headers };
  let body: Buffer | null = order.data === '' ? null : Buffer.from(order.data, 'base64');
  let led: { redirect_code: number; redirect_url: string } | undefined;
  try {
    for (let left = order.redirects; ; left -= 1) {
      const address = addressOf(url);
      if (order.private !== true) refuseLiteral(address.hostname, order.private || []);
      const response = await request(address, {
        dispatcher: sender.dispatchers.for(order.private),
        method,
        headers,
        body,
        signal,
      });
      const { location } = flat(response.headers);
      const code = response.statusCode;
      if (redirects.includes(code) && location !== undefined) {
        const next = new URL(location, url);
        led = { redirect_code: code, redirect_url: next.href };
        if (left > 0) {
          await response.body.dump();
          if ((code === 303 && method !== 'HEAD') || (code < 303 && method === 'POST')) {
            [method, body] = ['GET', null];
            headers = without(headers, ['content-type', 'transfer-encoding']);
          }
          if (next.origin !== address.origin) headers = without(headers, ['authorization', 'cookie', 'host']);
          url = next.href;
          continue;
        }
      }
      return { url, ...led, ...(await read(order, response, sender.bodyMax)) };
    }
  } catch (error) {
    return { url, ...led, data: '', ...failureOf(error) };
  }
}

function addressOf(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address?.protocol !== 'http:' && address?.protocol !== 'https:') {
    throw new AddressError(`invalid schema ${address?.protocol.slice(0, -1) ?? ''}`);
  }
  return address;
}

async function read(
  order: RequestOrder,
  response: Dispatcher.ResponseData,
  bodyMax: number,
): Promise<Omit<Found, 'url'>> {
  const { statusCode: code, body } = response;
  const message = STATUS_CODES[code] ?? '';
  const isWell = code >= 200 && code < 300;
  const file = isWell && order.file !== null ? order.file : undefined;
  const data = file === undefined ? await collect(body, bodyMax) : await store(body, file);
  return {
    code,
    ...(code < 400 ? {} : { error: message === '' ? `HTTP ${code}` : message }),
    protocol: 'HTTP/1.1',
    status_message: message,
    headers: flat(response.headers),
    data,
    ...(file === undefined ? {} : { file }),
  };
}

async function collect(body: Dispatcher.ResponseData['body'], bodyMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyMax) throw new LargeBodyError(`the body has more than ${bodyMax} bytes, and no file to go to`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('base64');
}

/** A file is there as a whole or not at all. */
async function store(body: Dispatcher.ResponseData['body'], file: string): Promise<string> {
  const part = `${file}.part-${randomBytes(4).toString('hex')}`;
  const stream = createWriteStream(part);
  let failed: Error | undefined;
  stream.once('error', (error) => {
    failed = error;
  });
  try {
    await pipeline(body, stream);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    const isOurs =
      (error as NodeJS.ErrnoException).path !== undefined || (error === failed && 'syscall' in Object(error));
    throw isOurs ? new FileError(`cannot write ${file}`) : error;
  }
  return '';
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : (value ?? '')]),
  );
}

function without(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())));
}
