import type { EventBus } from '../events/bus.js';
import { Backoff } from '../support/backoff.js';
import type { Dispatch } from './dispatch.js';
import type { ServedSite } from './served-site.js';

/** Milliseconds between two looks at a site's maintenance mode while something is held. */
const lookInterval = 1_000;

/** Milliseconds that a tried start gets to come back before the mode counts as over. */
const trialTime = 3_000;

interface Held {
  readonly dispatches: Dispatch[];
  readonly backoff: Backoff;
  /** The variable has said "offline" since the first was held. */
  seenOffline: boolean;
  /** Milliseconds since 1970 at which one was let go to try; 0: none. */
  triedAt: number;
  /** Milliseconds since 1970 of the next try. */
  nextTry: number;
  /** Milliseconds since 1970. */
  lastHeld: number;
}

/**
 * Starts whose owner may not use the site while it is offline. They run when the
 * mode ends. It can also be set in settings.php, which no look at the variable
 * shows; so they are also tried now and then.
 */
export class MaintenanceHold {
  readonly #bus: EventBus;
  readonly #release: (dispatch: Dispatch) => void;
  readonly #held = new Map<ServedSite, Held>();
  #timer: NodeJS.Timeout | undefined;

  constructor(bus: EventBus, release: (dispatch: Dispatch) => void) {
    this.#bus = bus;
    this.#release = release;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), lookInterval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  sizeOf(site: ServedSite): number {
    return this.#held.get(site)?.dispatches.length ?? 0;
  }

  get size(): number {
    return this.all().length;
  }

  has(dispatch: Dispatch): boolean {
    return this.#held.get(dispatch.site)?.dispatches.includes(dispatch) === true;
  }

  /** All that is held. */
  all(): Dispatch[] {
    return [...this.#held.values()].flatMap((held) => held.dispatches);
  }

  /** Empties it; what was held. */
  clear(): Dispatch[] {
    const all = this.all();
    this.#held.clear();
    return all;
  }

  /** Takes one out; false: it is not held. */
  remove(dispatch: Dispatch): boolean {
    const held = this.#held.get(dispatch.site)?.dispatches ?? [];
    const index = held.indexOf(dispatch);
    if (index >= 0) {
      held.splice(index, 1);
    }
    return index >= 0;
  }

  add(dispatch: Dispatch): void {
    let held = this.#held.get(dispatch.site);
    if (!held) {
      const backoff = new Backoff({ firstMs: 5_000, maxMs: 60_000 });
      held = { dispatches: [], backoff, seenOffline: false, triedAt: 0, nextTry: 0, lastHeld: 0 };
      this.#held.set(dispatch.site, held);
    }
    held.dispatches.push(dispatch);
    held.lastHeld = performance.now();
  }

  async #look(): Promise<void> {
    for (const [site, held] of this.#held) {
      if (held.dispatches.length > 0) {
        const value = await site.core.variable('maintenance_mode').catch(() => 1);
        this.#decide(site, held, Boolean(value) && value !== '0', performance.now());
      }
    }
  }

  #decide(site: ServedSite, held: Held, offline: boolean, now: number): void {
    if (offline) {
      held.seenOffline = true;
      held.triedAt = 0;
      return;
    }
    const cameBack = held.lastHeld >= held.triedAt;
    if (held.seenOffline || (held.triedAt > 0 && !cameBack && now - held.triedAt >= trialTime)) {
      held.seenOffline = false;
      held.triedAt = 0;
      held.backoff.reset();
      this.#free(site, held, held.dispatches.length);
    } else if (held.triedAt === 0 || (cameBack && now >= held.nextTry)) {
      held.triedAt = now;
      held.nextTry = now + held.backoff.next();
      this.#free(site, held, 1);
    }
  }

  #free(site: ServedSite, held: Held, count: number): void {
    const freed = held.dispatches.splice(0, count);
    this.#bus.emit('maintenance.released', { site: site.name, count: freed.length });
    for (const dispatch of freed) {
      this.#release(dispatch);
    }
  }
}
