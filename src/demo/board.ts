import type { Role } from './cast.js';
import type { DaemonEvent } from './daemon-events.js';
import type { SiteStart } from './site.js';

/** One run of a process, as the daemon's log tells of it. */
interface Run {
  readonly pid: number | undefined;
  waitedMs: number;
  claimedAt: number | undefined;
  ranMs: number | undefined;
  outcome: string | undefined;
  sentence: string | undefined;
}

/** Where a process stands. */
export type EntryState = 'waiting' | 'starting' | 'running' | 'ended' | 'refused';

/** One line of the table. */
export interface Entry {
  readonly handle: string;
  /** What the demo shows with it; undefined for a process that somebody else has started. */
  role: Role | undefined;
  callback: string;
  /** How far it says it is, 0 to 1; undefined before it says anything. */
  progress: number | undefined;
  progressText: string;
  readonly runs: Run[];
  /** Milliseconds since 1970 at which the current start was first heard of. */
  since: number;
  /** Why the site or the daemon did not take it. */
  refusal: string | undefined;
}

/** What the demo knows of all processes, put together from the site's answers, the log and the progress rows. */
export class Board {
  readonly #entries: Entry[] = [];
  readonly #byHandle = new Map<string, Entry>();
  /** Told each entry that has changed. */
  onChange: (entry: Entry) => void = () => undefined;

  /** All lines in the order in which they came. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Takes what the site says of a start of the demo's. */
  started(role: Role, start: SiteStart): void {
    if (typeof start.handle === 'string') {
      const entry = this.#entry(start.handle, start.callback);
      entry.role = role;
      this.onChange(entry);
      return;
    }
    const entry = newEntry(start.asked ?? '-', start.callback);
    entry.role = role;
    entry.refusal = start.handle === false ? 'refused by the site: the handle is taken' : 'nobody could be asked';
    this.#entries.push(entry);
    this.onChange(entry);
  }

  /** Takes a line of the daemon's log. */
  heard(event: DaemonEvent): void {
    const { handle } = event;
    if (handle === undefined || !/^(start\.accepted|start\.refused|run\.)/.test(event.event)) return;
    const entry = this.#entry(handle, event.callback ?? '');
    const run = entry.runs.find(({ pid, outcome }) => outcome === undefined && pid === event.pid);
    switch (event.event) {
      case 'start.accepted':
        entry.since = Date.now();
        break;
      case 'run.dispatched':
        entry.runs.push(newRun(event));
        break;
      case 'run.claimed':
        if (run !== undefined) run.claimedAt = Date.now();
        break;
      case 'run.ended': {
        const ending = run ?? newRun(event);
        if (run === undefined) entry.runs.push(ending);
        Object.assign(ending, { ranMs: event.ranMs, outcome: event.outcome ?? 'lost', sentence: event.sentence });
        break;
      }
      case 'run.requeued':
        dropUnclaimed(entry);
        break;
      case 'run.dropped':
      case 'start.refused':
        dropUnclaimed(entry);
        if (entry.runs.length === 0) entry.refusal = event.reason ?? 'refused';
        break;
      default:
        return;
    }
    this.onChange(entry);
  }

  /** Takes a row of the progress table; those of other modules are left out. */
  progressed(name: string, progress: number, text: string): void {
    const entry = this.#byHandle.get(name);
    if (entry === undefined || (entry.progress === progress && entry.progressText === text)) return;
    entry.progress = progress;
    entry.progressText = text;
    this.onChange(entry);
  }

  /** Whether everything that the demo has started is over. */
  get settled(): boolean {
    return this.#entries.every((entry) => {
      const state = stateOf(entry);
      return (
        entry.role === undefined || state === 'refused' || (state === 'ended' && entry.runs.length >= entry.role.runs)
      );
    });
  }

  #entry(handle: string, callback: string): Entry {
    let entry = this.#byHandle.get(handle);
    if (entry === undefined) {
      entry = newEntry(handle, callback);
      this.#byHandle.set(handle, entry);
      this.#entries.push(entry);
    }
    entry.callback ||= callback;
    return entry;
  }
}

/** Where a process stands now. */
export function stateOf(entry: Entry): EntryState {
  if (entry.refusal !== undefined) return 'refused';
  const last = entry.runs.at(-1);
  if (last === undefined) return 'waiting';
  // A run that starts its successor is heard of as ended only after the successor has begun.
  if (entry.runs.every(({ outcome }) => outcome !== undefined)) {
    return entry.role !== undefined && entry.runs.length < entry.role.runs && last.outcome === 'completed'
      ? 'waiting'
      : 'ended';
  }
  return last.claimedAt === undefined ? 'starting' : 'running';
}

/** What is wrong with the end of a role's processes, one sentence each; nothing when all is as it should be. */
export function complaints(role: Role, entries: readonly Entry[]): string[] {
  const own = entries.filter((entry) => entry.role === role);
  const refused = own.filter((entry) => stateOf(entry) === 'refused');
  const found: string[] = [];
  const wanted = role.refused ?? 0;
  if (refused.length !== wanted) found.push(`${role.name}: ${refused.length} starts were refused, not ${wanted}.`);
  const ran = own.filter((entry) => entry.refusal === undefined);
  if (ran.length !== 1) found.push(`${role.name}: ${ran.length} processes were taken, not 1.`);
  for (const entry of ran) {
    if (entry.runs.length !== role.runs) found.push(`${role.name}: ran ${entry.runs.length} times, not ${role.runs}.`);
    for (const { outcome, sentence } of entry.runs) {
      if (outcome !== role.outcome) {
        found.push(
          `${role.name}: ended as ${outcome ?? 'nothing yet'}, not as ${role.outcome}. ${sentence ?? ''}`.trim(),
        );
      } else if (role.says !== undefined && !(sentence ?? '').includes(role.says)) {
        found.push(`${role.name}: the reason does not say "${role.says}": ${sentence ?? ''}`);
      }
    }
  }
  return found;
}

function newEntry(handle: string, callback: string): Entry {
  return {
    handle,
    role: undefined,
    callback,
    progress: undefined,
    progressText: '',
    runs: [],
    since: Date.now(),
    refusal: undefined,
  };
}

/** Forgets a run that never began. */
function dropUnclaimed(entry: Entry): void {
  const last = entry.runs.at(-1);
  if (last !== undefined && last.claimedAt === undefined && last.outcome === undefined) entry.runs.pop();
}

function newRun(event: DaemonEvent): Run {
  return {
    pid: event.pid,
    waitedMs: event.waitedMs ?? 0,
    claimedAt: undefined,
    ranMs: undefined,
    outcome: undefined,
    sentence: undefined,
  };
}
