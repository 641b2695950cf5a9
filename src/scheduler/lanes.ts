import { needsSlot, settingNames } from '../process/own-callback.js';
import { PatternFinder } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

type ByPattern = Readonly<Record<string, number>>;

/** How many processes of a kind may run at the same time. The first pattern that matches counts. */
export interface LaneLimits {
  /** By pattern of the name of the service host. */
  readonly hosts: ByPattern;
  /** By pattern of the callback. */
  readonly callbacks: ByPattern;
  /** The same over all daemons; here it counts for those of this one. */
  readonly pool?: ByPattern;
}

/** What decides in which lane a start stands. */
type LaneMember = Pick<Dispatch, 'serviceHost' | 'handle' | 'callback'>;

/** The only key of the lane of starts that need no slot, because the process that waits for them has one. */
const slotless = 'slotless';

/**
 * Starts that the same limits hold back stand in one lane, so that a full lane
 * never blocks those behind it that may run.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  readonly #running = new Map<string, number>();
  readonly #finders: Readonly<Record<'host' | 'callback' | 'pool', PatternFinder>>;
  #slotsUsed = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
    this.#finders = {
      host: new PatternFinder(Object.keys(limits.hosts)),
      callback: new PatternFinder(Object.keys(limits.callbacks)),
      pool: new PatternFinder(Object.keys(limits.pool ?? {})),
    };
  }

  /** Name of the lane of a start: the limits that it counts against. */
  laneOf(dispatch: LaneMember): string {
    return JSON.stringify(this.#keys(dispatch));
  }

  /** How many of those that run have a slot of their own. */
  get slotsUsed(): number {
    return this.#slotsUsed;
  }

  /** Whether one more start of this lane may run now, with so many slots in all. */
  mayRun(lane: string, slots: number): boolean {
    return keysOf(lane)[0] === slotless || (this.#slotsUsed < slots && this.hasRoom(lane));
  }

  /** Whether the limits of a lane let one more of its starts run. */
  hasRoom(lane: string): boolean {
    return keysOf(lane).every((key) => (this.#running.get(key) ?? 0) < this.#limitOf(key));
  }

  /** The same for starts of a service host whose callback fits a pattern; undefined: no pattern. */
  hasRoomFor(host: string, pattern: string | undefined): boolean {
    const found = this.#finders.host.find(host);
    return this.hasRoom(
      JSON.stringify([
        ...(found === undefined ? [] : [`host ${found}`]),
        ...(pattern === undefined ? [] : [`callback ${pattern}`]),
      ]),
    );
  }

  /** Counts a start that begins to run. */
  enter(dispatch: LaneMember): void {
    this.#slotsUsed += needsSlot(dispatch.callback) ? 1 : 0;
    for (const key of this.#keys(dispatch)) {
      this.#running.set(key, (this.#running.get(key) ?? 0) + 1);
    }
  }

  /** Counts a start that has ended. */
  leave(dispatch: LaneMember): void {
    this.#slotsUsed -= needsSlot(dispatch.callback) ? 1 : 0;
    for (const key of this.#keys(dispatch)) {
      this.#running.set(key, Math.max(0, (this.#running.get(key) ?? 0) - 1));
    }
  }

  #keys(member: LaneMember): string[] {
    if (!needsSlot(member.callback)) return [slotless];
    const names = settingNames(member);
    const found = {
      host: this.#finders.host.find(member.serviceHost),
      callback: this.#finders.callback.find(...names),
      pool: this.#finders.pool.find(...names),
    };
    return Object.entries(found).flatMap(([kind, pattern]) => (pattern === undefined ? [] : [`${kind} ${pattern}`]));
  }

  #limitOf(key: string): number {
    if (key === slotless) return Number.POSITIVE_INFINITY;
    const at = key.indexOf(' ');
    const { hosts, callbacks, pool = {} } = this.#limits;
    const kind = key.slice(0, at);
    const limits = kind === 'host' ? hosts : kind === 'pool' ? pool : callbacks;
    return limits[key.slice(at + 1)] ?? Number.POSITIVE_INFINITY;
  }
}

function keysOf(lane: string): string[] {
  return JSON.parse(lane) as string[];
}
