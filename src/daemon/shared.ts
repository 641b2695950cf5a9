import { OwnStarts } from '../backlog/own-starts.js';
import { PoolRules } from '../backlog/pool-rules.js';
import { redisAddress } from '../backlog/redis-address.js';
import { RedisLink } from '../backlog/redis-link.js';
import { SharedBacklog } from '../backlog/shared-backlog.js';
import type { Config } from '../config/config.js';
import type { HandBack } from '../scheduler/hand-back.js';
import { hasPriorities, prioritiesBy } from '../scheduler/priority.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { TakeStart } from '../scheduler/take-start.js';
import { firstMatch } from '../support/pattern.js';
import type { Foundation } from './foundation.js';

/** A backlog that other daemons share. */
export interface Shared {
  readonly link: RedisLink;
  readonly backlog: SharedBacklog;
  readonly ownStarts: OwnStarts;
}

/** Makes the backlog that is shared with other daemons; undefined: that is not wished. */
export function makeShared(
  config: Config,
  { bus, sites, redisParts }: Foundation,
  parts: {
    readonly scheduler: Scheduler;
    readonly taker: TakeStart;
    readonly handBack: HandBack;
    readonly hostsOf: (site: ServedSite) => readonly string[];
  },
): Shared | undefined {
  if (config.backlog.redis === undefined || redisParts === undefined) {
    return undefined;
  }
  const { scheduler, taker, handBack, hostsOf } = parts;
  const link = new RedisLink(redisParts, redisAddress(config.backlog.redis), bus);
  const backlog = new SharedBacklog({
    ...{ sites, link, bus, scheduler, taker, hostsOf },
    parts: redisParts,
    rules: new PoolRules(config.callbacks, hasPriorities(config)),
    priorityOf: prioritiesBy(config),
    isLimited: (host) => firstMatch(config.serviceHosts.slots, host) !== undefined,
    isDetached: () => handBack.isBegun,
  });
  scheduler.share(backlog);
  return { link, backlog, ownStarts: new OwnStarts(backlog, link, taker) };
}
