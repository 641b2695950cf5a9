/**
 * Every event that this program emits, with what it carries. Payloads are plain data without secrets:
 * listeners log them, count them and send them on.
 */

/** What any event may carry. */
export interface EventBase {
  /** Main address of the site. */
  readonly site?: string;
  /** Name of the process. */
  readonly handle?: string;
}

/** About one process that waits or runs. */
export interface RunEvent extends EventBase {
  readonly handle: string;
  /** Callback as people write it, when known. */
  readonly callback?: string;
  /** Process id of the worker, when there is one. */
  readonly pid?: number;
}

/** About one PHP process. */
export interface PhpEvent extends EventBase {
  readonly pid: number;
  readonly root?: string;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly reason?: string;
}

/** About a start that was not taken. */
export interface RefusedEvent extends EventBase {
  /** Code from the catalogue of errors. */
  readonly code: string;
  readonly status: number;
  readonly reason: string;
  readonly peer?: string;
}

/** How a run ended. */
export interface EndedEvent extends RunEvent {
  /** Kind of the outcome: completed, threw, fatal… */
  readonly outcome: string;
  /** The plain sentence of a bad end. */
  readonly sentence?: string;
  /** Milliseconds from the claim to the end. */
  readonly ranMs?: number;
  /** Milliseconds from acceptance to dispatch. */
  readonly waitedMs?: number;
}

/** What a status page of Apache says about a process that another service host runs. */
export interface JudgedEvent extends RunEvent {
  readonly serviceHost: string;
  readonly verdict: 'alive' | 'gone' | 'unknown';
  /** Why, in a plain sentence. */
  readonly evidence: string;
}

/** About something that is wrong for a while. */
export interface TroubleEvent extends EventBase {
  /** What is in trouble: the same words when it begins and when it is over. */
  readonly about: string;
  /** Code from the catalogue of errors. */
  readonly code: string;
}

/** About the past runs of a site. */
export interface HistoryEvent extends EventBase {
  readonly site: string;
}

/** About one item of a queue. */
export interface QueueItemEvent extends EventBase {
  readonly queue: string;
  readonly item: number;
  readonly failures: number;
  readonly reason: string;
  readonly pauseMs: number;
}

/** Names of events and their payloads. */
export interface EventMap {
  'daemon.ready': EventBase & { readonly listen: string; readonly pid: number; readonly sites: number };
  'daemon.stopping': EventBase & { readonly reason: string; readonly running: number; readonly waiting: number };
  'daemon.stopped': EventBase & { readonly left: number };
  'service-manager.deaf': EventBase & { readonly reason: string };
  'start.accepted': RunEvent;
  'start.refused': RefusedEvent;
  /** A start that was sent to another service host is run here. */
  'start.taken-over': RunEvent & { readonly from: string; readonly to: string; readonly reason: string };
  /** A start that has to wait is where any daemon of its site may take it. */
  'start.shared': RunEvent;
  /** A start that waited there is run here. */
  'start.delivered': RunEvent & { readonly from: string; readonly to: string };
  /** The shared backlog cannot be reached. */
  'backlog.lost': EventBase & { readonly reason: string };
  'backlog.back': EventBase & { readonly address: string };
  /** Starts that waited at this daemon alone, or that the shared backlog had lost, wait there now. */
  'backlog.handed-over': EventBase & { readonly count: number };
  /** What was to be done with the shared backlog failed, and is done again. */
  'backlog.error': EventBase & { readonly reason: string };
  'run.waiting': RunEvent & { readonly position?: number };
  'run.dispatched': RunEvent & { readonly waitedMs?: number; readonly isolation?: string | undefined };
  'run.claimed': RunEvent;
  'run.ended': EndedEvent;
  'run.settled': RunEvent & {
    readonly outcome: string;
    readonly row: string;
    readonly hook: string;
    readonly by: string;
  };
  'run.stopped': RunEvent & { readonly reason: string };
  'run.leaked': RunEvent & { readonly what: readonly string[]; readonly banned: boolean };
  'run.retried': RunEvent & { readonly pauseMs: number; readonly tries: number };
  'run.set-aside': RunEvent & { readonly reason: string };
  'run.unlocked': RunEvent & { readonly stopped: boolean };
  /** A process of our own that nobody had in hand is settled as lost. */
  'run.stranded': RunEvent & { readonly reason: string };
  /** The tables in which daemons tell of themselves cannot be made. */
  'daemon.unlisted': EventBase & { readonly reason: string };
  'runs.recovered': EventBase & { readonly count: number; readonly foreign: number };
  'trouble.began': TroubleEvent & { readonly message: string; readonly remedy: string };
  'trouble.over': TroubleEvent;
  'run.requeued': RunEvent & { readonly reason: string };
  'site.ready': EventBase & { readonly site: string };
  'site.cannot-boot': EventBase & { readonly site: string; readonly reason: string; readonly retryMs?: number };
  'site.copied': EventBase & { readonly site: string };
  'site.recovered': EventBase & { readonly site: string };
  /** Its service hosts, groups or settings files have changed. */
  'site.reread': EventBase & { readonly site: string; readonly what: string };
  'worker.started': PhpEvent;
  'worker.exited': PhpEvent;
  'root.started': PhpEvent;
  'root.exited': PhpEvent;
  'root.replaced': PhpEvent;
  'slots.changed': EventBase & { readonly slots: number; readonly running: number; readonly waiting: number };
  'zygote.started': PhpEvent & { readonly bootMs: number };
  'zygote.stale': PhpEvent;
  'zygote.unfit': EventBase & { readonly reason: string };
  'store.error': EventBase & { readonly reason: string; readonly temporary: boolean };
  'maintenance.held': RunEvent;
  'maintenance.released': EventBase & { readonly count: number };
  /** Cron of a site goes on with the modules after the one that it died in. */
  'cron.continued': EventBase & { readonly module: string; readonly reason: string };
  /** An item of a queue has failed, and pauses. */
  'queue.item-failed': QueueItemEvent;
  /** An item of a queue has failed too often. */
  'queue.item-set-aside': QueueItemEvent;
  /** A queue that is not kept in the site's database is left alone for a while. */
  'queue.paused': EventBase & { readonly queue: string; readonly reason: string; readonly pauseMs: number };
  /** The worker of a queue was told to end behind its present item. */
  'queue.enough': EventBase & { readonly handle: string; readonly reason: string };
  /** A batch goes on by a process that no page has started. */
  'batch.resumed': EventBase & { readonly batch: number; readonly reason: string };
  /** A batch is done, and nobody has come back for its end. */
  'batch.finishing': EventBase & { readonly batch: number };
  /** A batch that its browser has left is carried on. */
  'batch.adopted': EventBase & { readonly batch: number; readonly uid: number };
  /** Requests that are open may have it in hand, because nothing of it has changed since, or because it is hidden just now. */
  'batch.awaited': EventBase & { readonly batch: number; readonly connections: number; readonly hidden: boolean };
  'batch.not-adopted': EventBase & { readonly batch: number; readonly reason: string };
  'batch.not-started': EventBase & { readonly batch: number; readonly reason: string };
  'queue.in-memory': EventBase & { readonly reason: string };
  /** The rules of a job cannot be used. */
  'cron.unusable': EventBase & { readonly job: string; readonly reason: string };
  /** A job that was due could not be started. */
  'cron.not-started': EventBase & { readonly job: string; readonly reason: string };
  /** The table of fired times cannot be made. */
  'cron.in-memory': EventBase & { readonly reason: string };
  /** The lock and the log of a job that died could not be closed. */
  'cron.not-closed': EventBase & { readonly job: string; readonly reason: string };
  /** The last log entry of a job lies so many seconds ahead of the clock. */
  'cron.ahead': EventBase & { readonly job: string; readonly seconds: number };
  /** Cron of a site was run by somebody else. */
  'cron.foreign': EventBase;
  'sweep.found': EventBase & { readonly count: number };
  'status.swept': EventBase & { readonly alive: number; readonly gone: number; readonly unknown: number };
  'status.judged': JudgedEvent;
  'status.differs': JudgedEvent & { readonly moduleVerdict: 'alive' | 'gone' | 'unknown' };
  'status.gone': JudgedEvent;
  'status.unlocked': JudgedEvent;
  'status.unlock-failed': RunEvent & { readonly reason: string };
  'worker.protocol': EventBase & { readonly reason: string; readonly pid?: number | undefined };
  'run.handed-back': RunEvent & { readonly result: string };
  'daemon.detached': EventBase & { readonly handedBack: number; readonly left: number };
  'run.dropped': RunEvent & { readonly reason: string };
  'settle.postponed': RunEvent & { readonly reason: string };
  'history.written': HistoryEvent & { readonly count: number };
  'history.pruned': HistoryEvent & { readonly count: number };
  'history.dropped': HistoryEvent & { readonly count: number };
  'history.postponed': HistoryEvent & { readonly reason: string };
  'history.in-memory': HistoryEvent & { readonly reason: string };
}

/** Name of an event. */
export type EventName = keyof EventMap;
