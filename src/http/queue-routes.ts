import type { FastifyInstance } from 'fastify';

import { dropItems, listQueues, retryItems, showQueue } from '../queues/queue-view.js';
import type { Queues } from '../queues/queues.js';
import { itemWish } from './queue-answers.js';

/** Adds the routes of `drupald queue`. */
export function addQueueRoutes(app: FastifyInstance, queues: Queues): void {
  app.get('/v1/queues', async () => ({ queues: await listQueues(queues) }));
  app.get('/v1/queues/items', (request) => showQueue(queues, itemWish.parse(request.query)));
  app.post<{ Body: unknown }>('/v1/queues/retry', (request) => retryItems(queues, itemWish.parse(request.body)));
  app.post<{ Body: unknown }>('/v1/queues/drop', (request) => dropItems(queues, itemWish.parse(request.body)));
}
