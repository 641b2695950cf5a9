import { Readable } from 'node:stream';

import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

import { outcomeKinds } from '../process/outcome.js';
import { viewLog } from './log-view.js';
import type { RunSources } from './run-lookup.js';
import { viewHandle, viewHistory } from './run-view.js';

const site = z.string().optional();

const historyQuery = z.object({
  site,
  callback: z.string().optional(),
  outcome: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(outcomeKinds)))
    .optional(),
  since: z.coerce.number().optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(50),
});

const handleQuery = z.object({ site, handle: z.string() });

const logQuery = handleQuery.extend({
  lines: z.coerce.number().int().min(0).optional(),
  follow: z.enum(['0', '1']).default('0'),
});

/**
 * Adds the questions about runs to the control socket.
 *
 * @param closing ends answers that follow a run
 */
export function addRunRoutes(app: FastifyInstance, sources: RunSources, closing: AbortSignal): void {
  app.get('/v1/history', (request) => {
    const { outcome, site: name, ...filter } = historyQuery.parse(request.query);
    return viewHistory(sources, { ...filter, outcomes: outcome }, name);
  });
  app.get('/v1/show', (request) => {
    const { handle, site: name } = handleQuery.parse(request.query);
    return viewHandle(sources, handle, name);
  });
  app.get('/v1/log', async (request, reply) => {
    const { follow, ...wish } = logQuery.parse(request.query);
    const gone = new AbortController();
    // A reader that has left is not followed for any longer.
    reply.raw.once('close', () => gone.abort());
    const pieces = await viewLog(sources, { ...wish, follow: follow === '1' }, AbortSignal.any([closing, gone.signal]));
    return reply.type('application/x-ndjson').send(Readable.from(lines(pieces)));
  });
}

async function* lines(pieces: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const piece of pieces) {
    yield `${JSON.stringify(piece)}\n`;
  }
}
