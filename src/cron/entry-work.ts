import type { ScheduleEntry } from '../config/schedule.js';
import type { StartTaker } from '../intake/accept-start.js';
import type { Outcome } from '../process/outcome.js';
import { entryPrefix } from '../process/own-callback.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot, type OwnStart } from '../scheduler/start-own.js';

/** What became of the wish to begin an entry. */
export type EntryStart =
  | { readonly handle: string }
  /** A run of it is there already. */
  | 'there'
  /** `temporary`: it may work a little later. */
  | { readonly reason: string; readonly temporary: boolean };

/** What an entry does, whatever its kind. */
export interface EntryWork {
  /** Name of the process under which it runs, as far as it has one of its own. */
  readonly handle: string | undefined;
  /** Begins it. Throws what the database throws. */
  start(): Promise<EntryStart>;
  /** Whether a run of it waits or goes on, here or in another daemon. Throws what the database throws. */
  busy(): Promise<boolean>;
  /** Whether one goes on here. */
  running(): boolean;
  /** Ends the run that waits or goes on here; it may take a while. */
  stop(cause: (callback: string) => Outcome): void;
  /** Whether a process is a run of this entry. */
  owns(handle: string): boolean;
  /** One of its processes has ended. */
  over(): void;
  /** Why it has to wait, whatever its time is; undefined: it has not. */
  rests(): 'maintenance' | 'not installed' | undefined;
}

/** What is needed of the scheduler. */
export interface ProcessTools {
  readonly taker: StartTaker<ServedSite>;
  /** Runs in hand. */
  readonly running: () => readonly RunRecord[];
  /** Names of the service hosts that this daemon serves for a site. */
  readonly hostsOf: (site: ServedSite) => readonly string[];
  /** Ends a process that runs or waits here; nothing, where there is none. */
  readonly stop: (site: ServedSite, handle: string, cause: (callback: string) => Outcome) => Promise<void>;
}

/** Works off a queue under a handle until it is empty. */
export interface QueueDoor {
  drain(site: ServedSite, queue: string, handle: string): Promise<OwnStart | { readonly reason: string }>;
  /** Whether that goes on; its process may change meanwhile. */
  drains(site: ServedSite, handle: string): boolean;
  /** No further process goes on with it. */
  leave(site: ServedSite, handle: string): void;
}

/** Cron of a site as a whole. */
export interface CronDoor {
  begin(site: ServedSite): Promise<EntryStart>;
  busy(site: ServedSite): boolean;
  stop(site: ServedSite, cause: (callback: string) => Outcome): void;
  owns(site: ServedSite, handle: string): boolean;
  rests(site: ServedSite): 'maintenance' | 'not installed' | undefined;
}

/** The name under which the runs of an entry stand among the site's processes. */
export function handleOfEntry(name: string): string {
  return `${entryPrefix}${name}`;
}

/** The queue of an entry by the handle of its runs; undefined: it is no entry that works off a queue. */
export function queuesOfSchedule(schedule: readonly ScheduleEntry[]): (handle: string) => string | undefined {
  const queues = new Map(
    schedule.flatMap(({ name, work }) => (work.kind === 'queue' ? [[handleOfEntry(name), work.queue] as const] : [])),
  );
  return (handle) => queues.get(handle);
}

/** A callback, as a process of Background Process. */
export class CallbackWork implements EntryWork {
  readonly handle: string;
  protected readonly site: ServedSite;
  readonly #tools: ProcessTools;
  readonly #callback: string;
  readonly #arguments: readonly unknown[];

  constructor(site: ServedSite, entry: ScheduleEntry, tools: ProcessTools) {
    this.site = site;
    this.handle = handleOfEntry(entry.name);
    this.#tools = tools;
    this.#callback = entry.work.kind === 'callback' ? entry.work.callback : '';
    this.#arguments = entry.work.kind === 'callback' ? entry.work.arguments : [];
  }

  async start(): Promise<EntryStart> {
    const process = {
      handle: this.handle,
      callback: this.#callback,
      serviceHost: this.#tools.hostsOf(this.site)[0] ?? '',
    };
    return told(await startOwn(this.#tools.taker, this.site, process, this.#arguments), this.handle);
  }

  async busy(): Promise<boolean> {
    if (this.running()) return true;
    // The column compares without case, but so do names of entries.
    return (await this.site.store.find([this.handle])).length > 0;
  }

  running(): boolean {
    return this.#tools.running().some(({ dispatch }) => dispatch.site === this.site && dispatch.handle === this.handle);
  }

  stop(cause: (callback: string) => Outcome): void {
    void this.#tools.stop(this.site, this.handle, cause);
  }

  owns(handle: string): boolean {
    return handle === this.handle;
  }

  over(): void {}

  rests(): undefined {
    // A process waits for the end of a maintenance mode by itself.
    return undefined;
  }
}

/** A queue that is worked off: one process after another, under one handle. */
export class QueueWork extends CallbackWork {
  readonly #door: QueueDoor;
  readonly #queue: string;

  constructor(site: ServedSite, entry: ScheduleEntry, tools: ProcessTools, door: QueueDoor) {
    super(site, entry, tools);
    this.#door = door;
    this.#queue = entry.work.kind === 'queue' ? entry.work.queue : '';
  }

  override async start(): Promise<EntryStart> {
    const started = await this.#door.drain(this.site, this.#queue, this.handle);
    return typeof started === 'string' ? told(started, this.handle) : { ...started, temporary: false };
  }

  override async busy(): Promise<boolean> {
    return this.#door.drains(this.site, this.handle) || (await super.busy());
  }

  override running(): boolean {
    return this.#door.drains(this.site, this.handle) || super.running();
  }

  override stop(cause: (callback: string) => Outcome): void {
    this.#door.leave(this.site, this.handle);
    super.stop(cause);
  }
}

/** Cron of the site. */
export class CronWork implements EntryWork {
  readonly handle = undefined;
  readonly #site: ServedSite;
  readonly #door: CronDoor;
  /** Whether the run that goes on is ours. */
  #begun = false;

  constructor(site: ServedSite, door: CronDoor) {
    this.#site = site;
    this.#door = door;
  }

  async start(): Promise<EntryStart> {
    this.#begun = true;
    const started = await this.#door.begin(this.#site);
    this.#begun = typeof started === 'object' && 'handle' in started;
    return started;
  }

  busy(): Promise<boolean> {
    return Promise.resolve(this.#door.busy(this.#site));
  }

  running(): boolean {
    return this.#begun && this.#door.busy(this.#site);
  }

  stop(cause: (callback: string) => Outcome): void {
    this.#door.stop(this.#site, cause);
  }

  over(): void {
    // What comes later is begun by others, and has no limit of ours.
    this.#begun &&= this.#door.busy(this.#site);
  }

  owns(handle: string): boolean {
    return this.#begun && this.#door.owns(this.#site, handle);
  }

  rests(): 'maintenance' | 'not installed' | undefined {
    return this.#door.rests(this.#site);
  }
}

function told(started: OwnStart, handle: string): EntryStart {
  if (started === 'there') return 'there';
  const reason = whyNot(started, handle);
  return reason === undefined ? { handle } : { reason, temporary: true };
}
