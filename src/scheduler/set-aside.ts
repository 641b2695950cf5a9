import type { EventBus } from '../events/bus.js';
import type { CrashBook } from '../outcome/crash-book.js';
import type { Dispatch } from './dispatch.js';

/**
 * Starts of processes that crash again and again: they wait until an administrator
 * lets them go (`drupald retry`) or removes them (`drupald kill`).
 */
export class SetAside {
  readonly #book: CrashBook;
  readonly #bus: EventBus;
  readonly #dispatches = new Map<Dispatch, string>();

  constructor(book: CrashBook, bus: EventBus) {
    this.#book = book;
    this.#bus = bus;
  }

  /** All that is set aside. */
  all(): Dispatch[] {
    return [...this.#dispatches.keys()];
  }

  get size(): number {
    return this.#dispatches.size;
  }

  /** Why a start is set aside, in a sentence. */
  reasonOf(dispatch: Dispatch): string | undefined {
    return this.#dispatches.get(dispatch);
  }

  /** Takes a start that must not run; false: it may. */
  takes(dispatch: Dispatch): boolean {
    const { site, handle, callback } = dispatch;
    const crashes = this.#book.evidence(site.name, handle);
    const last = crashes?.at(-1);
    if (!crashes || !last) {
      return false;
    }
    const reason = `It crashed ${crashes.length} times since ${new Date(crashes[0]?.at ?? last.at).toISOString()}; the last time: ${last.sentence}`;
    this.#dispatches.set(dispatch, reason);
    this.#bus.emit('run.set-aside', { site: site.name, handle, callback, reason });
    void site.core
      .writeLog(handle, `It is set aside until "drupald retry ${handle}". ${reason}`)
      .catch(() => undefined);
    return true;
  }

  /** Takes one out; false: it is not here. */
  remove(dispatch: Dispatch): boolean {
    return this.#dispatches.delete(dispatch);
  }

  /** Lets those of a handle go, and begins to count anew. */
  release(isMeant: (dispatch: Dispatch) => boolean): Dispatch[] {
    const meant = this.all().filter(isMeant);
    for (const dispatch of meant) {
      this.#book.forget(dispatch.site.name, dispatch.handle);
      this.#dispatches.delete(dispatch);
    }
    return meant;
  }

  /** Empties it; what was in it. */
  clear(): Dispatch[] {
    const all = this.all();
    this.#dispatches.clear();
    return all;
  }
}
