import type { FastifyInstance } from 'fastify';

import { cancelBatch, resumeBatch, type BatchChangeTools } from '../batch/batch-change.js';
import { listBatches, showBatch } from '../batch/batch-view.js';
import { batchWish } from './batch-answers.js';

/** Adds the routes of `drupald batch`. */
export function addBatchRoutes(
  app: FastifyInstance,
  tools: BatchChangeTools,
  siteName: (given: string | undefined) => string | undefined,
): void {
  const wishOf = (given: unknown): ReturnType<typeof batchWish.parse> => {
    const wish = batchWish.parse(given);
    return { ...wish, site: siteName(wish.site) };
  };
  app.get('/v1/batches', async () => ({ batches: await listBatches(tools.batches) }));
  app.get('/v1/batches/one', async (request) => ({ batch: await showBatch(tools.batches, wishOf(request.query)) }));
  app.post<{ Body: unknown }>('/v1/batches/cancel', (request) => cancelBatch(tools, wishOf(request.body)));
  app.post<{ Body: unknown }>('/v1/batches/resume', (request) => resumeBatch(tools, wishOf(request.body)));
}
