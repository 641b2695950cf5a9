import { availableParallelism } from 'node:os';

import { BaseComponent } from '../components/component.js';
import type { EventBus } from '../events/bus.js';
import { LoadMeter, type Load } from './load.js';

/** Most slots that are made without being told. */
const most = 64;

/** Connections of the daemon itself to one database server. */
const ownConnections = 6;

/** Milliseconds between two looks at the machine. */
const interval = 250;

/** Above this load nothing is added; above the second one slots are taken away. */
const calm = 0.25;
const pressed = 0.7;
const memoryPressed = 0.1;

/** Slots that `auto` begins with. */
export function leastSlots(): number {
  return Math.max(4, 2 * availableParallelism());
}

/** What the slots follow. */
export interface Demand {
  readonly running: number;
  readonly waiting: number;
}

export interface SlotsOptions {
  readonly wanted: number | 'auto';
  readonly bus: EventBus;
  readonly demand: () => Demand;
  /** Called when there is room for more. */
  readonly onMore: () => void;
  readonly meter?: Pick<LoadMeter, 'read'>;
}

/**
 * How many processes run at the same time.
 *
 * `auto` begins with twice the number of cores. While starts wait and the machine
 * is calm, slots are added, because processes that wait for something else cost
 * it little; under pressure they go again. The databases of the sites set a limit:
 * their own pages come first (design decision 11).
 */
export class Slots extends BaseComponent {
  readonly name = 'slots';
  readonly #options: SlotsOptions;
  readonly #meter: Pick<LoadMeter, 'read'>;
  readonly #least: number;
  #most: number;
  #current: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SlotsOptions) {
    super();
    this.#options = options;
    this.#meter = options.meter ?? new LoadMeter();
    this.#least = options.wanted === 'auto' ? leastSlots() : options.wanted;
    this.#most = options.wanted === 'auto' ? Math.max(most, this.#least) : options.wanted;
    this.#current = this.#least;
  }

  /** Slots that there are now. */
  get current(): number {
    return this.#current;
  }

  /** Slots that there can be at most. */
  get most(): number {
    return this.#most;
  }

  /**
   * Limits what `auto` may reach. A number that somebody has chosen stays.
   *
   * @param connections what a database server allows to a site
   */
  limitBy(connections: number): void {
    if (this.#options.wanted === 'auto') {
      this.#most = Math.max(1, Math.min(this.#most, Math.floor(connections / 3) - ownConnections));
      this.#current = Math.min(this.#current, this.#most);
    }
  }

  protected override onStart(): void {
    if (this.#options.wanted === 'auto') {
      this.#timer = setInterval(() => void this.#look(), interval);
      this.#timer.unref();
    }
  }

  protected override onStop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const demand = this.#options.demand();
    if (demand.running === 0 && demand.waiting === 0 && this.#current === Math.min(this.#least, this.#most)) {
      return;
    }
    const load = await this.#meter.read();
    const next = nextSlots(this.#current, load, this.#options.demand(), { least: this.#least, most: this.#most });
    if (next === this.#current) {
      return;
    }
    const more = next > this.#current;
    this.#current = next;
    this.#options.bus.emit('slots.changed', { slots: next, ...demand });
    if (more) {
      this.#options.onMore();
    }
  }
}

/** The number of slots that follows from how things stand. */
export function nextSlots(
  current: number,
  load: Load,
  demand: Demand,
  bounds: { readonly least: number; readonly most: number },
): number {
  const within = (slots: number): number => Math.min(bounds.most, Math.max(Math.min(bounds.least, bounds.most), slots));
  if (load.cpu > pressed || load.memory > memoryPressed) {
    return within(Math.floor(current * 0.75));
  }
  if (demand.waiting > 0 && demand.running >= current && load.cpu < calm) {
    return within(Math.ceil(current * 1.5));
  }
  if (demand.waiting === 0 && demand.running < current / 2) {
    return within(Math.floor(current * 0.75));
  }
  return within(current);
}
