import { needsSlot, settingNames } from '../process/own-callback.js';
import { matches } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

/** How many processes of a kind may run at the same time. */
export interface LaneLimits {
  /** By name of the service host. */
  readonly hosts: Readonly<Record<string, number>>;
  /** By pattern of the callback; the first that matches counts. */
  readonly callbacks: Readonly<Record<string, number>>;
  /** The same over all daemons; here it counts for those of this one. */
  readonly pool?: Readonly<Record<string, number>>;
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
  readonly #patterns = new Map<string, string | undefined>();
  #slotsUsed = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
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
    return this.hasRoom(JSON.stringify([`host ${host}`, ...(pattern === undefined ? [] : [`callback ${pattern}`])]));
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
    const { serviceHost } = member;
    const keys = Object.hasOwn(this.#limits.hosts, serviceHost) ? [`host ${serviceHost}`] : [];
    for (const kind of ['callback', 'pool'] as const) {
      const pattern = this.#patternOf(member, kind);
      if (pattern !== undefined) keys.push(`${kind} ${pattern}`);
    }
    return keys;
  }

  #limitsOf(kind: string): Readonly<Record<string, number>> {
    const { hosts, callbacks, pool = {} } = this.#limits;
    return kind === 'host' ? hosts : kind === 'pool' ? pool : callbacks;
  }

  #patternOf(member: LaneMember, kind: 'callback' | 'pool'): string | undefined {
    const names = settingNames(member);
    const known = `${kind} ${names.join(' ')}`;
    if (!this.#patterns.has(known)) {
      // Names of callbacks are few, but nothing of a site may make a map grow for ever.
      if (this.#patterns.size > 10_000) {
        this.#patterns.clear();
      }
      this.#patterns.set(
        known,
        Object.keys(this.#limitsOf(kind)).find((pattern) => names.some((name) => matches(pattern, name))),
      );
    }
    return this.#patterns.get(known);
  }

  #limitOf(key: string): number {
    if (key === slotless) return Number.POSITIVE_INFINITY;
    const at = key.indexOf(' ');
    return this.#limitsOf(key.slice(0, at))[key.slice(at + 1)] ?? Number.POSITIVE_INFINITY;
  }
}

function keysOf(lane: string): string[] {
  return JSON.parse(lane) as string[];
}
