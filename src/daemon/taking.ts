import type { Batches } from '../batch/batches.js';
import type { Config } from '../config/config.js';
import type { Clockwork } from '../cron/clockwork.js';
import type { EventBus } from '../events/bus.js';
import { StartNotes } from '../liveness/start-notes.js';
import { Sweep } from '../liveness/sweep.js';
import type { Queues } from '../queues/queues.js';
import { HandBack } from '../scheduler/hand-back.js';
import { prioritiesBy } from '../scheduler/priority.js';
import { limitsOf, retryOf } from '../scheduler/process-rules.js';
import { limitByRoom } from '../scheduler/room.js';
import { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { TakeStart } from '../scheduler/take-start.js';
import { servedHosts } from '../sites/service-hosts.js';
import type { DaemonWord } from '../store/owner-table.js';
import { OomCounter } from '../workers/oom-counter.js';
import type { Foundation } from './foundation.js';
import { makeShared } from './shared.js';

/** Rooms that others ask. */
export interface Rooms {
  readonly queues: Queues;
  readonly batches: Batches;
  readonly clockwork: Clockwork;
}

/** What starts are taken with, and what begins them. */
export type Taking = Awaited<ReturnType<typeof makeTaking>>;

/** What every room that begins processes of its own gets. */
export interface Own {
  readonly sites: readonly ServedSite[];
  readonly taker: TakeStart;
  readonly running: () => Scheduler['running'];
  /** Names of the service hosts of a site whose address is ours. */
  readonly hostsOf: (site: ServedSite) => string[];
  readonly bus: EventBus;
}

/** The scheduler; its rooms are made after it, and are asked only when something runs. */
export function makeScheduler(config: Config, base: Foundation, rooms: () => Rooms): Scheduler {
  const { bus, ledger, locks, crashes, history } = base;
  return new Scheduler({
    bus,
    ledger,
    locks,
    slots: config.slots,
    limits: { hosts: config.serviceHosts.slots, callbacks: config.callbacks.slots, pool: config.callbacks.poolSlots },
    priorityOf: prioritiesBy(config),
    backlogMax: config.backlog.max,
    bootTimeout: config.worker.bootTimeout,
    settleTimeout: config.worker.settleTimeout,
    outputLimit: config.output.max,
    oom: new OomCounter(),
    crashes,
    retryOf: (dispatch) => retryOf(config, dispatch),
    batchOf: (dispatch) => rooms().batches.jobOf(dispatch),
    limitsOf: (one) => limitsOf(config, one, rooms().clockwork.limitOf(one.site, one.handle)),
    onTurn: (record, module, answer) => rooms().clockwork.turn(record, module, answer),
    killGrace: config.kill.grace,
    onEnd: (ending) => {
      ledger.ended(ending);
      history.add(ending);
      rooms().queues.ended(ending);
      rooms().batches.ended(ending);
      rooms().clockwork.ended(ending);
    },
  });
}

/** Starts the sites, and makes what takes starts: from requests, and from rows that none announced. */
export async function makeTaking(config: Config, base: Foundation, scheduler: Scheduler) {
  const { bus, listen, sites, hosts, state } = base;
  for (const site of sites) {
    site.onRecovered = () => {
      void limitByRoom(scheduler, site);
      scheduler.kick();
    };
    await limitByRoom(scheduler, site);
    await site.start();
  }
  const notes = new StartNotes(state.dir);
  await notes.load();
  const handBack = new HandBack(bus);
  const taker = new TakeStart(scheduler, handBack, ({ target, row }) => notes.noteHost(target.name, row.serviceHost));
  const own: Own = {
    sites,
    taker,
    running: () => scheduler.running,
    hostsOf: (site) => servedHosts(site.facts?.serviceHosts ?? {}, listen, site.config.serves),
    bus,
  };
  /** With those whose starts have come to us. */
  const hostsOf = (site: ServedSite): string[] => [...new Set([...own.hostsOf(site), ...notes.hostsOf(site.name)])];
  const shared = makeShared(config, base, { scheduler, taker, handBack, hostsOf });
  const sweep = new Sweep({ sites, hosts, listen, taker, bus, notes, sharing: shared?.ownStarts });
  return { scheduler, notes, handBack, taker, own, hostsOf, shared, sweep };
}

/** What this daemon says of itself to others on the database of a site. */
export function wordOf(
  site: ServedSite,
  { scheduler, hostsOf }: Taking,
  address: string,
  state: DaemonWord['state'],
): DaemonWord {
  return {
    address,
    serves: hostsOf(site),
    slots: scheduler.slots,
    running: scheduler.running.filter(({ dispatch }) => dispatch.site === site).length,
    waiting: scheduler.waitingOf(site) + scheduler.heldOf(site),
    state,
  };
}
