import { join } from 'node:path';

import { Descriptors } from './components/descriptors.js';
import { onStopSignals } from './components/signals.js';
import { formatListen, type Config } from './config/config.js';
import { Clockwork } from './cron/clockwork.js';
import { queuesOfSchedule } from './cron/entry-work.js';
import { jobFindings } from './doctor/cron-findings.js';
import { examine, ownFindings } from './doctor/examine.js';
import { settingFindings } from './doctor/host-findings.js';
import { EventBus } from './events/bus.js';
import { TroubleTeller } from './events/trouble-teller.js';
import { Troubles } from './events/troubles.js';
import { buildApp } from './http/app.js';
import { ControlServer } from './http/control.js';
import { Listener } from './http/listener.js';
import { publicPorts, type Intake } from './http/public-ports.js';
import { daemonStatus } from './http/status.js';
import { StatusBoard } from './http/status-board.js';
import { StartIntake } from './intake/accept-start.js';
import { TrustedPeers } from './intake/trusted-peers.js';
import { FactsWatch } from './liveness/facts-watch.js';
import { recover } from './liveness/recover.js';
import { RowWatch } from './liveness/row-watch.js';
import { StartNotes } from './liveness/start-notes.js';
import { StatusWatch } from './liveness/status-watch.js';
import { StrandWatch } from './liveness/strand-watch.js';
import { Sweep } from './liveness/sweep.js';
import { createLog } from './observe/log.js';
import { LogListener } from './observe/log-listener.js';
import { noticeWish, ServiceManager } from './observe/service-manager.js';
import { CrashBook } from './outcome/crash-book.js';
import { LockKeeper } from './outcome/lock-keeper.js';
import { LogKeeper, longestLog } from './outcome/log-keeper.js';
import { openHistory } from './scheduler/open-history.js';
import { openSites } from './scheduler/open-sites.js';
import { adoptCopies } from './scheduler/adopt.js';
import { detach } from './scheduler/detach.js';
import { HandBack } from './scheduler/hand-back.js';
import { endProcess, kill, retry } from './scheduler/kill.js';
import { limitByRoom } from './scheduler/room.js';
import { Scheduler } from './scheduler/scheduler.js';
import type { ServedSite } from './scheduler/served-site.js';
import { Batches } from './batch/batches.js';
import { limitsOf, retryOf } from './scheduler/process-rules.js';
import { TakeStart } from './scheduler/take-start.js';
import { Queues } from './queues/queues.js';
import { PoolWatch } from './pool/pool-watch.js';
import { listDaemons } from './pool/list-daemons.js';
import { Requests } from './requests/requests.js';
import { HostMap } from './sites/host-map.js';
import { ownAddresses, servedHosts } from './sites/service-hosts.js';
import { become, resolveAccount } from './support/account.js';
import { claimStateDir, refuseSecond, removePid, writePid } from './support/state-dir.js';
import { Deferred } from './support/deferred.js';
import { Ledger } from './store/ledger.js';
import type { DaemonWord } from './store/owner-table.js';
import { loadLazyParts } from './store/lazy-parts.js';
import { packageVersion, shimFolder } from './support/package.js';
import { OomCounter } from './workers/oom-counter.js';
import { WorkerSocket } from './workers/worker-socket.js';

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
  const cleanUp: (() => unknown)[] = [() => listener.stop()];
  try {
    const claimed = await claimStateDir(config.stateDir, account, shimFolder);
    if (account) {
      loadLazyParts();
      become(account);
    }
    const state = await claimed.fill();
    await writePid(state.dir);
    cleanUp.push(() => removePid(state.dir));
    const listen = { ...config.listen, port: listener.port };
    const troubles = new Troubles(bus);
    const logListener = new LogListener(bus, createLog(config.log));
    await logListener.start();
    const manager = new ServiceManager(bus, noticeWish());
    await manager.start();
    cleanUp.push(() => manager.stop());
    const logKeeper = new LogKeeper(state.logs, config.output.keep, longestLog(config));
    await logKeeper.start();
    cleanUp.push(() => logKeeper.stop());
    const descriptors = new Descriptors(new TroubleTeller(bus, 'descriptors'));
    await descriptors.start();
    cleanUp.push(() => descriptors.stop());
    const socket = new WorkerSocket(join(state.dir, 'workers.sock'), bus);
    await socket.start();
    cleanUp.push(() => socket.stop());
    const { sites, sources } = await openSites({ config, socket, bus, shim: state.shim, logs: state.logs });
    cleanUp.push(async () => {
      await Promise.all(sites.map((site) => site.stop()));
      await Promise.all(sources.map((source) => source.stop()));
    });
    const hosts = new HostMap(
      sites.flatMap((site) => site.uris.map((uri) => ({ uri, target: site }))),
      ownAddresses(listen),
    );
    const ledger = new Ledger(state.dir, new TroubleTeller(bus, 'the ledger'));
    const left = ledger.open();
    cleanUp.push(() => ledger.close());
    const history = openHistory(sites, config.history, bus, ledger);
    await history.start();
    cleanUp.push(() => history.stop());
    const locks = new LockKeeper(ledger);
    const crashes = new CrashBook(state.dir, config.setAside);
    cleanUp.push(() => crashes.written);
    const scheduler: Scheduler = new Scheduler({
      bus,
      ledger,
      locks,
      slots: config.slots,
      limits: { hosts: config.serviceHosts, callbacks: config.callbacks },
      backlogMax: config.backlog.max,
      bootTimeout: config.worker.bootTimeout,
      settleTimeout: config.worker.settleTimeout,
      outputLimit: config.output.max,
      oom: new OomCounter(),
      crashes,
      retryOf: (dispatch) => retryOf(config, dispatch),
      batchOf: (dispatch) => batches.jobOf(dispatch),
      limitsOf: (one) => limitsOf(config, one, clockwork.limitOf(one.site, one.handle)),
      onTurn: (record, module, answer) => clockwork.turn(record, module, answer),
      killGrace: config.kill.grace,
      onEnd: (ending) => {
        ledger.ended(ending);
        history.add(ending);
        queues.ended(ending);
        batches.ended(ending);
        clockwork.ended(ending);
      },
    });
    await scheduler.start();
    board.show({ scheduler, sites });
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
    const sweep = new Sweep({ sites, hosts, listen, taker, bus, notes });
    let phase: DaemonWord['state'] = 'running';
    const own = {
      sites,
      taker,
      running: () => scheduler.running,
      hostsOf: (site: ServedSite) => servedHosts(site.facts?.serviceHosts ?? {}, listen, site.config.serves),
      bus,
    };
    const hostsOf = (site: ServedSite): string[] => [...new Set([...own.hostsOf(site), ...notes.hostsOf(site.name)])];
    for (const site of sites) {
      site.ownership.word = () => ({
        address: formatListen(listen),
        serves: hostsOf(site),
        slots: scheduler.slots,
        running: scheduler.running.filter(({ dispatch }) => dispatch.site === site).length,
        waiting: scheduler.waitingOf(site) + scheduler.heldOf(site),
        state: phase,
      });
    }
    const queues = new Queues({
      ...own,
      slots: () => scheduler.slots,
      isDetached: () => handBack.isBegun,
      scheduled: queuesOfSchedule(config.schedule),
      settings: { ...config.queues, settleTimeout: config.worker.settleTimeout },
      left: ledger.unseen,
      onSeen: (run) => ledger.seen(run),
    });
    const batches = new Batches({
      ...own,
      isDetached: () => handBack.isBegun,
      ownSessions: () => new Set(scheduler.running.flatMap(({ connections }) => connections)),
      rules: config.batch,
    });
    const clockwork: Clockwork = new Clockwork({
      ...own,
      entries: config.schedule,
      isolate: config.cron.isolate,
      queues,
      bootTimeout: config.worker.bootTimeout,
      killGrace: config.kill.grace,
      stop: (site, handle, cause) => endProcess(scheduler, bus, { site, handle, cause }, config.kill.grace),
    });
    const control = new ControlServer(state.dir, {
      status: () =>
        daemonStatus(
          { version: packageVersion, startedAt, state: phase },
          { ...config, listen },
          sites,
          scheduler,
          troubles.list,
        ),
      daemons: () => listDaemons(sites),
      doctor: async () => [
        ...ownFindings(troubles.list),
        ...jobFindings(clockwork.jobs()),
        ...(await examine(sites, { ...config, listen })),
        ...settingFindings(sites, config),
      ],
      detach: async (to) => ({ ...(await detach(scheduler, handBack, bus, to)) }),
      retry: (wish) => retry(scheduler, wish),
      kill: (wish) => kill(scheduler, bus, wish, config.kill.grace),
      adopt: async () => {
        const adopted = await adoptCopies(sites);
        await sweep.again();
        return adopted;
      },
      cron: clockwork,
      batches: {
        batches,
        bus,
        stop: (site, handle, cause) => endProcess(scheduler, bus, { site, handle, cause }, config.kill.grace),
        timeout: config.worker.bootTimeout,
      },
      queues,
      runs: { sites, scheduler, history, keep: config.output.keep },
    });
    locks.resume(sites);
    await recover(left, sites, scheduler, bus);
    const watch = new StatusWatch({
      sites,
      listen,
      notes,
      bus,
      ...config.modStatus,
      unlockTimeout: config.worker.settleTimeout,
    });
    await control.start();
    cleanUp.push(() => control.stop());
    const rowWatch = new RowWatch({ scheduler, bus, onUnlock: config.kill.onUnlock, grace: config.kill.grace });
    await rowWatch.start();
    cleanUp.push(() => rowWatch.stop());
    const strandWatch = new StrandWatch({
      sites,
      scheduler,
      bus,
      locks,
      takeOver: config.pool.takeOver,
      settleTimeout: config.worker.settleTimeout,
      onLost: (ending) => history.add(ending),
    });
    await strandWatch.start();
    cleanUp.push(() => strandWatch.stop());
    const factsWatch = new FactsWatch(sites, bus);
    await factsWatch.start();
    cleanUp.push(() => factsWatch.stop());
    await sweep.start();
    cleanUp.push(() => sweep.stop());
    const poolWatch = new PoolWatch({
      ...{ ...own, hostsOf, hosts, scheduler, notes },
      ...config.pool,
      isDetached: () => handBack.isBegun,
    });
    await poolWatch.start();
    cleanUp.push(() => poolWatch.stop());
    await watch.start();
    cleanUp.push(() => watch.stop());
    await queues.start();
    cleanUp.push(() => queues.stop());
    await batches.start();
    cleanUp.push(() => batches.stop());
    const requests = new Requests({
      ...own,
      isDetached: () => handBack.isBegun,
      rules: { ...config.requests, lease: config.queues.lease },
    });
    await requests.start();
    cleanUp.push(() => requests.stop());
    await clockwork.start();
    cleanUp.push(() => clockwork.stop());
    intake.resolve({
      starts: new StartIntake({
        hosts,
        taker,
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
    queues.windUp();
    await Promise.all([sweep.stop(), watch.stop(), poolWatch.stop()]);
    const unfinished = await drained;
    await listener.stop();
    await scheduler.stop();
    await notes.save(scheduler.allWaiting().map((start) => ({ ...start, uri: start.uri.url })));
    bus.emit('daemon.stopped', { left: unfinished });
  } finally {
    for (const clean of cleanUp.reverse()) {
      await clean();
    }
  }
}
