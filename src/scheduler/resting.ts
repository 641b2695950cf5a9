import type { EventBus } from '../events/bus.js';
import type { CrashBook } from '../outcome/crash-book.js';
import type { Dispatch } from './dispatch.js';
import { MaintenanceHold } from './maintenance-hold.js';
import { RetryPause } from './retry-pause.js';
import type { ServedSite } from './served-site.js';
import { SetAside } from './set-aside.js';

/** Why a start is not in line. */
export interface Rest {
  readonly state: 'held' | 'set aside' | 'pausing';
  readonly reason?: string;
}

/** Starts that were taken and do not wait in line: no slot that gets free is for them. */
export class Resting {
  /** Until the end of a maintenance mode. */
  readonly hold: MaintenanceHold;
  /** Until an administrator lets them go. */
  readonly aside: SetAside;
  /** Until it is time for their next try. */
  readonly pause: RetryPause;

  /** @param onOver told of each that may run again */
  constructor(bus: EventBus, crashes: CrashBook, onOver: (dispatch: Dispatch) => void) {
    this.hold = new MaintenanceHold(bus, onOver);
    this.aside = new SetAside(crashes, bus);
    this.pause = new RetryPause(bus, onOver);
  }

  get size(): number {
    return this.hold.size + this.aside.size + this.pause.all().length;
  }

  sizeOf(site: ServedSite): number {
    const others = [...this.aside.all(), ...this.pause.all()];
    return this.hold.sizeOf(site) + others.filter((dispatch) => dispatch.site === site).length;
  }

  /** Why a start rests; undefined: it does not. */
  of(dispatch: Dispatch): Rest | undefined {
    const reason = this.aside.reasonOf(dispatch);
    if (reason !== undefined) {
      return { state: 'set aside', reason };
    }
    if (this.pause.has(dispatch)) {
      return { state: 'pausing' };
    }
    return this.hold.has(dispatch) ? { state: 'held' } : undefined;
  }

  all(): Dispatch[] {
    return [...this.hold.all(), ...this.aside.all(), ...this.pause.all()];
  }

  /** Takes one out; false: it is not here. */
  remove(dispatch: Dispatch): boolean {
    return this.hold.remove(dispatch) || this.aside.remove(dispatch) || this.pause.remove(dispatch);
  }

  /** Empties it; what was in it. */
  clear(): Dispatch[] {
    return [...this.hold.clear(), ...this.aside.clear(), ...this.pause.clear()];
  }
}
