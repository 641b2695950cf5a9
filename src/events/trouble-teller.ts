import { fail, type ErrorName, type ErrorParams } from '../errors.js';
import type { EventBus } from './bus.js';

/** Tells, once each, that a trouble has begun and that it is over. One teller has one trouble at a time. */
export class TroubleTeller {
  readonly #bus: EventBus;
  readonly #about: string;
  readonly #site: string | undefined;
  #current: ErrorName | undefined;

  /**
   * @param about what is in trouble, unique in the daemon
   * @param site main address of the site that it belongs to
   */
  constructor(bus: EventBus, about: string, site?: string) {
    this.#bus = bus;
    this.#about = about;
    this.#site = site;
  }

  /** The trouble that there is now. */
  get current(): ErrorName | undefined {
    return this.#current;
  }

  /** Something is wrong; another trouble of the same thing is over by that. */
  began(name: ErrorName, params: ErrorParams): void {
    if (this.#current === name) {
      return;
    }
    this.#current = name;
    const { code, message, remedy } = fail(name, params);
    this.#bus.emit('trouble.began', { ...this.#where(), about: this.#about, code, message, remedy });
  }

  /** All is well. */
  over(): void {
    if (this.#current === undefined) {
      return;
    }
    const { code } = fail(this.#current);
    this.#current = undefined;
    this.#bus.emit('trouble.over', { ...this.#where(), about: this.#about, code });
  }

  #where(): { site?: string } {
    return this.#site === undefined ? {} : { site: this.#site };
  }
}
