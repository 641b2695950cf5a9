import { closeSync, openSync } from 'node:fs';

import type { TroubleTeller } from '../events/trouble-teller.js';
import { BaseComponent } from './component.js';

/** File descriptors that are kept for a time without any: enough for a command that asks what is wrong. */
const kept = 8;

/** Milliseconds between two looks. */
const interval = 1_000;

/**
 * Keeps a few file descriptors back. When none is left for the rest of the daemon
 * they are given up, so that it can still be asked what is wrong; when there are
 * some again they are taken back.
 */
export class Descriptors extends BaseComponent {
  readonly name = 'descriptors';
  readonly #teller: TroubleTeller;
  #reserve: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param teller told while there are none */
  constructor(teller: TroubleTeller) {
    super();
    this.#teller = teller;
  }

  protected override onStart(): void {
    this.#look();
    this.#timer = setInterval(() => this.#look(), interval);
    this.#timer.unref();
  }

  protected override onStop(): void {
    clearInterval(this.#timer);
    this.#giveUp();
  }

  #look(): void {
    try {
      while (this.#reserve.length < kept) {
        this.#reserve.push(openSync('/dev/null', 'r'));
      }
      // One more than is kept: else nobody would see that the rest has none.
      closeSync(openSync('/dev/null', 'r'));
      this.#teller.over();
    } catch (error) {
      this.#giveUp();
      const reason = error instanceof Error ? error.message : String(error);
      this.#teller.began('MACHINE_EXHAUSTED', { uri: 'the daemon itself', reason });
    }
  }

  #giveUp(): void {
    for (const descriptor of this.#reserve.splice(0)) {
      closeSync(descriptor);
    }
  }
}
