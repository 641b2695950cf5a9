import type { Component } from './components/component.js';
import { onStopSignals } from './components/signals.js';
import { formatListen, type Config } from './config/config.js';
import { makeControl } from './daemon/asking.js';
import { layFoundation, type CleanUp } from './daemon/foundation.js';
import { makeBackground, makeRooms } from './daemon/rooms.js';
import { makeScheduler, makeTaking, wordOf, type Rooms } from './daemon/taking.js';
import { EventBus } from './events/bus.js';
import { buildApp } from './http/app.js';
import { Listener } from './http/listener.js';
import { publicPorts, type Intake } from './http/public-ports.js';
import { StatusBoard } from './http/status-board.js';
import { StartIntake } from './intake/accept-start.js';
import { TrustedPeers } from './intake/trusted-peers.js';
import { recover } from './liveness/recover.js';
import type { ServedSite } from './scheduler/served-site.js';
import type { DaemonWord } from './store/owner-table.js';
import { resolveAccount } from './support/account.js';
import { Deferred } from './support/deferred.js';
import { packageVersion } from './support/package.js';
import { refuseSecond } from './support/state-dir.js';

/**
 * Runs a daemon until a signal stops it.
 *
 * Wires the rooms together and decides nothing. Order of the start: what cannot be
 * shared first (listener, state directory), then the user, then PHP and the sites.
 *
 * @throws DrupaldError when it cannot start; then nothing is left running
 */
export async function runDaemon(config: Config): Promise<void> {
  const startedAt = new Date().toISOString();
  const account = await resolveAccount(config.user);
  await refuseSecond(config.stateDir);
  const bus = new EventBus();
  const intake = new Deferred<Intake<ServedSite>>();
  const board = new StatusBoard(packageVersion, [...config.trustedProxies, ...config.serverStatus.allow]);
  const ports = publicPorts(intake.promise, (request) => board.answer(request));
  const listener = new Listener(buildApp(ports), config.listen, (bytes) => board.countAnswer(bytes));
  await listener.start();
  const cleanUp: CleanUp = [() => listener.stop()];
  const begin = async (component: Component): Promise<void> => {
    await component.start();
    cleanUp.push(() => component.stop());
  };
  try {
    const listen = { ...config.listen, port: listener.port };
    const base = await layFoundation(config, listen, account, bus, cleanUp);
    const { sites, hosts } = base;
    const scheduler = makeScheduler(config, base, () => rooms);
    await scheduler.start();
    board.show({ scheduler, sites });
    const taking = await makeTaking(config, base, scheduler);
    let phase: DaemonWord['state'] = 'running';
    for (const site of sites) {
      site.ownership.word = () => wordOf(site, taking, formatListen(listen), phase);
    }
    const rooms: Rooms = makeRooms(config, base, taking);
    const background = makeBackground(config, base, taking, rooms);
    const control = makeControl(config, base, taking, rooms, { startedAt, phase: () => phase });
    base.locks.resume(sites);
    await recover(base.left, sites, scheduler, bus);
    await begin(control);
    for (const component of background.inOrder) {
      await begin(component);
    }
    intake.resolve({
      starts: new StartIntake({
        hosts,
        taker: taking.taker,
        trusted: new TrustedPeers(config.trustedProxies),
        bus,
        lookupWait: config.lookupWait,
        waitersMax: config.waiters.max,
      }),
      hosts,
      unreadiness: () => (phase === 'running' ? undefined : 'The daemon is stopping.'),
    });
    bus.emit('daemon.ready', { listen: formatListen(listen), pid: process.pid, sites: sites.length });
    const stopped = new Deferred<string>();
    const hurry = new Deferred();
    const unlisten = onStopSignals({ onStop: (signal) => stopped.resolve(signal), onHurry: () => hurry.resolve() });
    cleanUp.push(unlisten);
    const reason = await stopped.promise;
    phase = 'stopping';
    bus.emit('daemon.stopping', { reason, running: scheduler.running.length, waiting: scheduler.waiting });
    // The listener stays meanwhile and answers 503: a refused connection would let the module delete its row.
    const drained = scheduler.drain(config.grace, hurry.promise);
    rooms.queues.windUp();
    taking.shared?.backlog.windUp();
    await Promise.all(background.finders.map((finder) => finder.stop()));
    const unfinished = await drained;
    await listener.stop();
    await scheduler.stop();
    const waiting = [...scheduler.allWaiting(), ...(taking.shared?.ownStarts.all ?? [])];
    await taking.notes.save(waiting.map((start) => ({ ...start, uri: start.uri.url })));
    bus.emit('daemon.stopped', { left: unfinished });
  } finally {
    for (const clean of cleanUp.reverse()) {
      await clean();
    }
  }
}
