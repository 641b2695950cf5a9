import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { Dispatch } from '../scheduler/dispatch.js';
import { sumOf } from '../scheduler/ownership.js';

const sharedStart = z.object({
  handle: z.string(),
  /** Of the row when it was put there. */
  stamp: z.string(),
  /** Sum of the token that the row has: the row of another start of the handle has another. */
  sum: z.string(),
  /** Sum of the token that it gets from whoever takes it. */
  heir: z.string().optional(),
  callback: z.string(),
  /** Name of the service host that the start was sent to. */
  serviceHost: z.string(),
  /** Address of the site that it came to. */
  uri: z.string(),
  context: z.object({
    remote: z.string(),
    remotePort: z.number(),
    headers: z.record(z.string(), z.string()),
    prefix: z.string(),
  }),
  asked: z.object({ host: z.string(), target: z.string() }).optional(),
  /** Milliseconds since 1970. */
  acceptedAt: z.number(),
  /** How often it has been begun before, by the rule for its callback. */
  tries: z.number(),
});

/**
 * A start as it waits in the shared backlog: all that its row does not say, so that nothing of the request is
 * lost, whoever runs it. Its token is not there: who reads Redis cannot start it.
 */
export type SharedStart = z.infer<typeof sharedStart>;

/** Undefined: it was written by something else. */
export function readShared(data: unknown): SharedStart | undefined {
  return sharedStart.safeParse(data).data;
}

/** What is put there of a start. */
export function sharedOf(dispatch: Dispatch): SharedStart {
  const { handle, stamp, token, callback, serviceHost, uri, asked, acceptedAt, tries } = dispatch;
  const { remote, remotePort, headers, prefix } = dispatch.context;
  return {
    ...{ handle, stamp, callback, serviceHost, acceptedAt, tries },
    sum: sumOf(token),
    uri: uri.url,
    // Field by field: nothing else of a request may ever get there.
    context: { remote, remotePort, headers: { ...headers }, prefix },
    ...(asked === undefined ? {} : { asked: { host: asked.host, target: asked.target } }),
  };
}

/** Under which a start is known there: putting it there again changes nothing. */
export function sharedId({ handle, stamp }: Pick<Dispatch, 'handle' | 'stamp'>): string {
  return `s${createHash('sha256').update(`${stamp} ${handle}`).digest('hex').slice(0, 40)}`;
}
