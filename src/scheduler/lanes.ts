import { needsSlot, settingNames } from '../process/own-callback.js';
import { PatternFinder } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

type ByPattern = Readonly<Record<string, number>>;

/** How many processes of a kind may run at the same time, and which go first. The first pattern that matches counts. */
export interface LaneLimits {
  /** By pattern of the name of the service host. */
  readonly hosts: { readonly slots: ByPattern; readonly priority: ByPattern };
  /** By pattern of the callback. */
  readonly callbacks: { readonly slots: ByPattern };
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
  readonly #hosts: PatternFinder;
  readonly #callbacks: PatternFinder;
  readonly #priorities: PatternFinder;
  #slotsUsed = 0;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
    this.#hosts = new PatternFinder(Object.keys(limits.hosts.slots));
    this.#callbacks = new PatternFinder(Object.keys(limits.callbacks.slots));
    this.#priorities = new PatternFinder(Object.keys(limits.hosts.priority));
  }

  /** Of waiting starts the one with the higher number goes first. */
  priorityOf({ serviceHost }: Pick<LaneMember, 'serviceHost'>): number {
    return this.#limits.hosts.priority[this.#priorities.find(serviceHost) ?? ''] ?? 0;
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
    const host = this.#hosts.find(member.serviceHost);
    const callback = this.#callbacks.find(...settingNames(member));
    return [
      ...(host === undefined ? [] : [`host ${host}`]),
      ...(callback === undefined ? [] : [`callback ${callback}`]),
    ];
  }

  #limitOf(key: string): number {
    if (key === slotless) return Number.POSITIVE_INFINITY;
    const name = key.slice(key.indexOf(' ') + 1);
    const { slots } = key.startsWith('host ') ? this.#limits.hosts : this.#limits.callbacks;
    return slots[name] ?? Number.POSITIVE_INFINITY;
  }
}

function keysOf(lane: string): string[] {
  return JSON.parse(lane) as string[];
}
