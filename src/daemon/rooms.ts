import { Batches } from '../batch/batches.js';
import type { Component } from '../components/component.js';
import type { Config } from '../config/config.js';
import { Clockwork } from '../cron/clockwork.js';
import { queuesOfSchedule } from '../cron/entry-work.js';
import { FactsWatch } from '../liveness/facts-watch.js';
import { RowWatch } from '../liveness/row-watch.js';
import { StatusWatch } from '../liveness/status-watch.js';
import { StrandWatch } from '../liveness/strand-watch.js';
import { PoolWatch, type PoolWatchOptions } from '../pool/pool-watch.js';
import { Queues } from '../queues/queues.js';
import { Requests } from '../requests/requests.js';
import { endProcess } from '../scheduler/kill.js';
import type { Foundation } from './foundation.js';
import type { Rooms, Taking } from './taking.js';

/** Makes the rooms that begin processes of their own. */
export function makeRooms(config: Config, base: Foundation, { scheduler, own, handBack }: Taking): Rooms {
  const { bus, ledger } = base;
  const isDetached = (): boolean => handBack.isBegun;
  const queues = new Queues({
    ...own,
    slots: () => scheduler.slots,
    isDetached,
    scheduled: queuesOfSchedule(config.schedule),
    settings: { ...config.queues, settleTimeout: config.worker.settleTimeout },
    left: ledger.unseen,
    onSeen: (run) => ledger.seen(run),
  });
  const batches = new Batches({
    ...own,
    isDetached,
    ownSessions: () => new Set(scheduler.running.flatMap(({ connections }) => connections)),
    rules: config.batch,
  });
  const clockwork = new Clockwork({
    ...own,
    entries: config.schedule,
    isolate: config.cron.isolate,
    queues,
    bootTimeout: config.worker.bootTimeout,
    killGrace: config.kill.grace,
    stop: (site, handle, cause) => endProcess(scheduler, bus, { site, handle, cause }, config.kill.grace),
  });
  return { queues, batches, clockwork };
}

/** What goes on in the background, in the order in which it starts. */
export interface Background {
  readonly inOrder: readonly Component[];
  /** Those that find starts: they end first, while what runs may still go on. */
  readonly finders: readonly Component[];
}

/** Makes everything that looks at rows and other daemons by itself. */
export function makeBackground(config: Config, base: Foundation, taking: Taking, rooms: Rooms): Background {
  const { bus, sites, hosts, listen, locks, history } = base;
  const { scheduler, own, hostsOf, notes, sweep, handBack, shared } = taking;
  const isDetached = (): boolean => handBack.isBegun;
  const settleTimeout = config.worker.settleTimeout;
  const watch = new StatusWatch({ sites, listen, notes, bus, ...config.modStatus, unlockTimeout: settleTimeout });
  const rowWatch = new RowWatch({ scheduler, bus, onUnlock: config.kill.onUnlock, grace: config.kill.grace });
  const strandWatch = new StrandWatch({
    ...{ sites, scheduler, bus, locks, settleTimeout },
    takeOver: config.pool.takeOver,
    onLost: (ending) => history.add(ending),
  });
  const undelivered: PoolWatchOptions['undelivered'] =
    shared && ((site, rows) => shared.ownStarts.undelivered(site, rows));
  const poolWatch = new PoolWatch({
    ...own,
    hostsOf,
    hosts,
    scheduler,
    notes,
    ...config.pool,
    isDetached,
    undelivered,
  });
  const requests = new Requests({
    ...own,
    isDetached,
    rules: { ...config.requests, lease: config.queues.lease },
  });
  return {
    inOrder: [
      ...(shared ? [shared.backlog] : []),
      rowWatch,
      strandWatch,
      new FactsWatch(sites, bus),
      sweep,
      poolWatch,
      watch,
      rooms.queues,
      rooms.batches,
      requests,
      rooms.clockwork,
    ],
    finders: [sweep, watch, poolWatch],
  };
}
