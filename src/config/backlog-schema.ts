import * as kinds from './kinds.js';
import { setting } from './setting.js';

/** Settings of a backlog that several daemons share, and of what comes first in it. */
export const backlogSettings = {
  'backlog.redis': setting({
    kind: kinds.redisUrl,
    secret: true,
    defaultText: 'none: each daemon keeps its own backlog',
    example: 'redis://:PASSWORD@10.0.0.5:6379/0',
    sentence:
      'Redis on which the daemons of a site share their backlog: what has to wait runs on whichever of them has a slot for it. The same for all of them.',
  }),
  'callbacks.pool_slots': setting({
    kind: kinds.mapOf(kinds.integer(1, 10_000)),
    default: {},
    example: '{ "feeds_*": 4 }',
    sentence:
      'Number of processes that run at the same time on all daemons that share a backlog (backlog.redis), by their callback; * stands for anything, the first pattern that fits counts. Without a shared backlog, and while it is away, it counts for each daemon alone.',
  }),
  'callbacks.rate': setting({
    kind: kinds.mapOf(kinds.rateRule),
    default: {},
    example: '{ "mail_*": 10/1 min }',
    sentence:
      'Number of processes that may begin in a time on all daemons that share a backlog, by their callback. Only with backlog.redis, and while that can be reached.',
  }),
  'callbacks.priority': setting({
    kind: kinds.mapOf(kinds.integer(-1_000, 1_000)),
    default: {},
    example: '{ "mail_*": 10, "search_index_*": -10 }',
    sentence:
      'What comes first of the starts that wait, by their callback: higher numbers before lower ones, those without an entry have 0.',
  }),
} as const;
