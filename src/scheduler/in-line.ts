import type { EventBus } from '../events/bus.js';
import { postponedReason } from '../outcome/settle.js';
import { dispatchKey, type Dispatch } from './dispatch.js';
import { unshared, type Sharing } from './sharing.js';
import type { WaitingList } from './waiting-list.js';

/** Puts starts in line: here, or where other daemons can take them. */
export class InLine {
  /** Each for itself, until it is told otherwise. */
  sharing: Sharing = unshared;
  readonly #bus: EventBus;
  readonly #known: Map<string, Dispatch>;
  readonly #waiting: WaitingList;

  /** @param known all that is in hand, by its key */
  constructor(bus: EventBus, known: Map<string, Dispatch>, waiting: WaitingList) {
    this.#bus = bus;
    this.#known = known;
    this.#waiting = waiting;
  }

  /** Has the row of a start wait. Should the database not take it now, the sweep sees to it. */
  async mark({ site, handle, stamp }: Dispatch): Promise<void> {
    try {
      await site.store.markWaiting(handle, stamp);
    } catch (error) {
      this.#bus.emit('store.error', { site: site.name, reason: postponedReason(error), temporary: true });
    }
  }

  /** Puts starts in line whose rows wait; those that others may take are out of hand then. */
  async add(all: readonly Dispatch[]): Promise<void> {
    const wanted = new Set(all.filter((dispatch) => this.sharing.wants(dispatch)));
    for (const dispatch of all) {
      if (!wanted.has(dispatch)) this.#waiting.putBack(dispatch);
    }
    const left = new Set(wanted.size === 0 ? [] : await this.sharing.take([...wanted]));
    for (const dispatch of wanted) {
      if (left.has(dispatch)) {
        this.#waiting.putBack(dispatch);
      } else {
        this.#known.delete(dispatchKey(dispatch));
      }
    }
  }

  /** Leaves a start that waits in line to the others; false: it does not wait, or did not come from them. */
  giveBack(dispatch: Dispatch): boolean {
    if (!this.#waiting.remove(dispatch)) {
      return false;
    }
    if (!this.sharing.returns(dispatch)) {
      this.#waiting.putBack(dispatch);
      return false;
    }
    return this.#known.delete(dispatchKey(dispatch));
  }
}
