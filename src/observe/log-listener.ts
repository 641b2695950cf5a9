import type { EventBus } from '../events/bus.js';
import type { EventMap, EventName } from '../events/map.js';
import type { Component } from '../components/component.js';
import { BaseComponent } from '../components/component.js';
import { formatDuration } from '../support/duration.js';
import type { Log } from './log.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Weight and sentence of the line for one kind of event. */
interface Line<N extends EventName> {
  readonly level: Level | ((payload: EventMap[N]) => Level);
  readonly say: (payload: EventMap[N]) => string;
}

// An event without an entry is logged under its name.
const lines: { readonly [N in EventName]?: Line<N> } = {
  'daemon.ready': { level: 'info', say: (e) => `Ready on ${e.listen} for ${count(e.sites, 'site')}.` },
  'daemon.stopping': {
    level: 'info',
    say: (e) => `Stopping (${e.reason}): ${count(e.running, 'process')} still running, ${String(e.waiting)} waiting.`,
  },
  'daemon.stopped': { level: 'info', say: (e) => `Stopped; ${count(e.left, 'process')} left for the next start.` },
  'service-manager.deaf': {
    level: 'error',
    say: (e) => `The service manager cannot be told how drupald is (NOTIFY_SOCKET): ${e.reason}`,
  },
  'start.accepted': { level: 'debug', say: (e) => `Start of ${e.handle} taken.` },
  'start.refused': {
    level: (e) => (e.status >= 500 ? 'warn' : 'info'),
    say: (e) => `Start${e.handle === undefined ? '' : ` of ${e.handle}`} refused with ${String(e.status)}: ${e.reason}`,
  },
  'start.taken-over': {
    level: 'warn',
    say: (e) => `${e.handle} was sent to the service host ${e.from} and is taken over under ${e.to}: ${e.reason}.`,
  },
  'start.shared': { level: 'debug', say: (e) => `${e.handle} waits in the shared backlog.` },
  'start.delivered': {
    level: 'debug',
    say: (e) =>
      `${e.handle}, sent to the service host ${e.from}, comes from the shared backlog and runs under ${e.to}.`,
  },
  'backlog.lost': { level: 'warn', say: (e) => `The shared backlog is away, starts wait here alone: ${e.reason}` },
  'backlog.back': { level: 'info', say: (e) => `The backlog is shared on ${e.address}.` },
  'backlog.handed-over': {
    level: 'info',
    say: (e) => `${count(e.count, 'waiting start')} of ${e.site ?? ''} put into the shared backlog.`,
  },
  'backlog.error': { level: 'warn', say: (e) => `Shared backlog: ${e.reason}` },
  'run.waiting': { level: 'debug', say: (e) => `${e.handle} waits for a slot.` },
  'run.dispatched': { level: 'debug', say: (e) => `${e.handle} given to a worker.` },
  'run.claimed': { level: 'debug', say: (e) => `${e.handle} runs.` },
  'run.ended': {
    level: (e) => (e.outcome === 'completed' ? 'info' : 'warn'),
    say: (e) => {
      const time = e.ranMs === undefined ? '' : ` after ${formatDuration(e.ranMs)}`;
      return e.outcome === 'completed'
        ? `${e.handle} completed${time}.`
        : `${e.handle} ended${time}: ${e.sentence ?? e.outcome}`;
    },
  },
  'run.settled': { level: 'debug', say: (e) => `End of ${e.handle} told to the site.` },
  'run.requeued': { level: 'warn', say: (e) => `${e.handle} goes back to the waiting list: ${e.reason}` },
  'site.ready': { level: 'info', say: (e) => `${e.site} is ready.` },
  'site.cannot-boot': {
    level: 'error',
    say: (e) => {
      const again = e.retryMs === undefined ? '' : ` Tried again in ${formatDuration(e.retryMs)}.`;
      return `Drupal does not start for ${e.site}: ${e.reason}${again}`;
    },
  },
  'site.copied': {
    level: 'warn',
    say: (e) =>
      `The database of ${e.site} is a copy of one that was served elsewhere: what already waited in it is left alone until "drupald adopt".`,
  },
  'run.handed-back': { level: 'info', say: (e) => `${e.handle} was given back to the site: ${e.result}.` },
  'run.dropped': {
    level: (e) => (e.reason.startsWith('internal error') ? 'error' : 'info'),
    say: (e) => `${e.handle} was not run: ${e.reason}`,
  },
  'settle.postponed': { level: 'warn', say: (e) => `The end of ${e.handle} is told later: ${e.reason}` },
  'daemon.detached': {
    level: 'info',
    say: (e) => `Detached: ${count(e.handedBack, 'start')} given back, ${String(e.left)} left waiting.`,
  },
  'site.recovered': { level: 'info', say: (e) => `${e.site} starts again.` },
  'site.reread': { level: 'info', say: (e) => `The settings of ${e.site} were read anew: ${e.what} changed.` },
  'worker.started': { level: 'debug', say: (e) => `Worker ${String(e.pid)} started.` },
  'worker.exited': { level: 'debug', say: (e) => `Worker ${String(e.pid)} ended${how(e)}.` },
  'worker.protocol': { level: 'warn', say: (e) => `A worker sent what is not understood: ${e.reason}` },
  'root.started': { level: 'debug', say: (e) => `Root ${String(e.pid)} started.` },
  'root.exited': { level: 'warn', say: (e) => `Root ${String(e.pid)} ended${how(e)}.` },
  'root.replaced': { level: 'info', say: (e) => `Root ${String(e.pid)} replaced${how(e)}.` },
  'slots.changed': { level: 'debug', say: (e) => `${count(e.slots, 'slot')} now, ${String(e.waiting)} waiting.` },
  'zygote.started': { level: 'debug', say: (e) => `${e.site ?? ''} is loaded in process ${String(e.pid)}.` },
  'zygote.stale': { level: 'debug', say: (e) => `${e.site ?? ''} is loaded anew: ${e.reason ?? ''}.` },
  'zygote.unfit': {
    level: 'warn',
    say: (e) => `${e.site ?? ''} cannot be kept loaded, its processes boot for themselves: ${e.reason}.`,
  },
  'store.error': { level: (e) => (e.temporary ? 'warn' : 'error'), say: (e) => `Database: ${e.reason}` },
  'maintenance.held': { level: 'info', say: (e) => `${e.handle} waits for the end of the maintenance mode.` },
  'maintenance.released': {
    level: 'info',
    say: (e) => `Maintenance mode has ended: ${count(e.count, 'process')} released.`,
  },
  'history.written': { level: 'debug', say: (e) => `${count(e.count, 'run')} written to the history of ${e.site}.` },
  'history.pruned': {
    level: 'debug',
    say: (e) => `${count(e.count, 'old run')} removed from the history of ${e.site}.`,
  },
  'history.dropped': {
    level: 'warn',
    say: (e) => `The history of ${e.site} lacks ${count(e.count, 'run')}: the database did not take them for too long.`,
  },
  'history.postponed': { level: 'warn', say: (e) => `The history of ${e.site} is written later: ${e.reason}` },
  'history.in-memory': {
    level: 'warn',
    say: (e) => `The history of ${e.site} is kept in memory only, until drupald stops: ${e.reason}`,
  },
  'runs.recovered': {
    level: 'info',
    say: (e) =>
      `${e.count} runs of the last daemon are in hand again` +
      (e.foreign > 0 ? `; ${e.foreign} are left: their sites are not served here` : ''),
  },
  'trouble.began': { level: 'error', say: (e) => `${e.code}: ${e.message} ${e.remedy}` },
  'trouble.over': { level: 'info', say: (e) => `${e.code} is over: ${e.about}.` },
  'run.leaked': {
    level: 'warn',
    say: (e) =>
      `the callback ${e.callback} has left changed: ${e.what.join(', ')}; its worker is replaced` +
      (e.banned ? ', and from now on it runs in isolation process, because this was not the first time' : ''),
  },
  'run.retried': {
    level: 'info',
    say: (e) => `${e.handle} begins again in ${formatDuration(e.pauseMs)}, after ${e.tries} tries`,
  },
  'run.set-aside': {
    level: 'warn',
    say: (e) => `${e.handle} is set aside until "drupald retry ${e.handle}". ${e.reason}`,
  },
  'run.unlocked': {
    level: 'warn',
    say: (e) =>
      `${e.handle} was unlocked in Drupal while it ran; ` +
      (e.stopped ? 'it is being stopped' : 'it goes on, and another of its handle may run beside it'),
  },
  'run.stranded': {
    level: 'warn',
    say: (e) =>
      `${e.handle} stood as running, and nobody had it in hand: ${e.reason}. It counts as lost, and may begin again`,
  },
  'daemon.unlisted': {
    level: 'warn',
    say: (e) =>
      `What drupald runs by itself is not told to others on the same database: should one of them be lost with all its processes, nobody cleans up after it, and what waits at one that is gone is not taken over: ${e.reason}`,
  },
  'run.stopped': { level: 'info', say: (e) => `${e.handle} is being stopped: ${e.reason}` },
  'queue.item-failed': {
    level: 'warn',
    say: (e) =>
      `Item ${e.item} of the queue ${e.queue} failed (${count(e.failures, 'time')}), next try in ${formatDuration(e.pauseMs)}: ${e.reason}`,
  },
  'queue.item-set-aside': {
    level: 'error',
    say: (e) =>
      `Item ${e.item} of the queue ${e.queue} is set aside after ${count(e.failures, 'failure')} until "drupald queue retry": ${e.reason}`,
  },
  'queue.paused': {
    level: 'warn',
    say: (e) => `The queue ${e.queue} pauses for ${formatDuration(e.pauseMs)}: ${e.reason}`,
  },
  'queue.enough': { level: 'debug', say: (e) => `${e.handle} ends behind its present item: ${e.reason}.` },
  'batch.resumed': {
    level: 'info',
    say: (e) => `Batch ${e.batch} goes on by another process${e.reason === '' ? '' : `: ${e.reason}`}`,
  },
  'batch.finishing': {
    level: 'info',
    say: (e) => `Batch ${e.batch} is done, and nobody asks for its end: it is finished.`,
  },
  'batch.adopted': {
    level: 'info',
    say: (e) => `Batch ${e.batch} was left by its browser: it is carried on here, as user ${e.uid}.`,
  },
  'batch.awaited': {
    level: 'debug',
    say: (e) =>
      `Batch ${e.batch} ${e.hidden ? 'is hidden from its pages' : 'changes no more'}; ${count(e.connections, 'connection')} may still have it in hand.`,
  },
  'batch.not-adopted': {
    level: 'warn',
    say: (e) => `Batch ${e.batch} was left by its browser, and is not carried on: ${e.reason}.`,
  },
  'batch.not-started': { level: 'warn', say: (e) => `Batch ${e.batch} does not go on yet: ${e.reason}.` },
  'queue.in-memory': {
    level: 'warn',
    say: (e) => `Failures of items of queues are kept in memory only, until drupald stops: ${e.reason}`,
  },
  'cron.continued': {
    level: 'warn',
    say: (e) => `Cron died in ${e.module}_cron() and goes on with the modules after it: ${e.reason}`,
  },
  'cron.unusable': { level: 'warn', say: (e) => `The job ${e.job} cannot run at set times: ${e.reason}` },
  'cron.not-started': { level: 'info', say: (e) => `The job ${e.job} was not started: ${e.reason}` },
  'cron.in-memory': {
    level: 'warn',
    say: (e) =>
      `When entries of the schedule have run is kept in memory only: what is missed while drupald is away is not made up for, and another drupald runs them, too: ${e.reason}`,
  },
  'cron.not-closed': {
    level: 'error',
    say: (e) => `Lock and log of the job ${e.job} could not be closed: ${e.reason}`,
  },
  'cron.ahead': {
    level: 'warn',
    say: (e) =>
      `The last run of the job ${e.job} is logged ${formatDuration(e.seconds * 1000)} ahead of the clock, which was set back or is wrong. It runs again within one period all the same.`,
  },
  'cron.foreign': {
    level: 'info',
    say: () => 'Cron is run by somebody else, too (a crontab, drush, or a person). This is said once.',
  },
  'sweep.found': {
    level: 'warn',
    say: (e) => `${count(e.count, 'start')} found in the database that no request announced.`,
  },
  'status.swept': {
    level: 'debug',
    say: (e) =>
      `Status pages of Apache: ${String(e.alive)} alive, ${String(e.gone)} gone, ${String(e.unknown)} unknown.`,
  },
  'status.judged': {
    level: (e) => (e.verdict === 'unknown' ? 'info' : 'debug'),
    say: (e) => `${e.handle} on ${e.serviceHost} is ${e.verdict}: ${e.evidence}`,
  },
  'status.differs': {
    level: 'warn',
    say: (e) =>
      `${e.handle} on ${e.serviceHost} is ${e.verdict} to drupald; Background Process Apache Server Status ${moduleWords[e.moduleVerdict]}. ${e.evidence}`,
  },
  'status.gone': {
    level: 'warn',
    say: (e) => `${e.handle} on ${e.serviceHost} is gone and was left as it is (mod_status.mode): ${e.evidence}`,
  },
  'status.unlocked': { level: 'warn', say: (e) => `${e.handle} on ${e.serviceHost} was unlocked: ${e.evidence}` },
  'status.unlock-failed': { level: 'warn', say: (e) => `${e.handle} could not be unlocked yet: ${e.reason}` },
};

/** What the module's sweep comes to, in words. */
const moduleWords = {
  alive: 'would take it for alive',
  gone: 'would unlock it as dead',
  unknown: 'would not judge it',
} as const;

/** Writes one line for each event. */
export class LogListener extends BaseComponent implements Component {
  readonly name = 'log-listener';
  private off: (() => void) | null = null;

  constructor(
    private readonly bus: EventBus,
    private readonly log: Log,
  ) {
    super();
  }

  protected onStart(): void {
    this.off = this.bus.onAny((name, payload) => {
      write(this.log, name, payload);
    });
  }

  protected onStop(): void {
    this.off?.();
  }
}

function write<N extends EventName>(log: Log, name: N, payload: EventMap[N]): void {
  const line = lines[name];
  if (line === undefined) {
    log.info(name, name, { ...payload });
    return;
  }
  const level = typeof line.level === 'function' ? line.level(payload) : line.level;
  log.log(level, name, line.say(payload), { ...payload });
}

function how(event: { exitCode?: number | null; signal?: string | null; reason?: string }): string {
  if (event.reason !== undefined) return ` (${event.reason})`;
  if (event.signal) return ` by signal ${event.signal}`;
  return event.exitCode === undefined || event.exitCode === null ? '' : ` with exit code ${String(event.exitCode)}`;
}

function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}
