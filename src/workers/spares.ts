import type { Worker } from './worker.js';

/** Workers that were made before there is a job for them. */
export class Spares {
  /** How many are to wait. */
  target: number;
  readonly #make: () => Promise<Worker>;
  #waiting: Worker[] = [];
  #making = 0;
  #closed = false;

  /** @param make makes one more; a failure is left to whoever needs a worker and finds none */
  constructor(make: () => Promise<Worker>, target: number) {
    this.#make = make;
    this.target = target;
  }

  /** Those that wait now. */
  get size(): number {
    return this.#waiting.length;
  }

  /** The one that has waited longest; undefined: none is ready. */
  take(): Worker | undefined {
    return this.#waiting.shift();
  }

  /** Makes what is missing, and lets go of what is too many. */
  fill(): void {
    for (let missing = this.target - this.#waiting.length - this.#making; missing > 0; missing -= 1) {
      void this.#add();
    }
    for (const worker of this.#waiting.splice(this.target)) {
      worker.connection.close();
    }
  }

  /** Lets all go. */
  close(): void {
    this.#closed = true;
    this.target = 0;
    this.fill();
  }

  async #add(): Promise<void> {
    this.#making += 1;
    try {
      const worker = await this.#make();
      if (this.#closed) {
        worker.connection.close();
        return;
      }
      this.#waiting.push(worker);
      void worker.connection.closed.then(() => {
        this.#waiting = this.#waiting.filter((other) => other !== worker);
      });
    } catch {
      // Told where it is needed.
      return;
    } finally {
      this.#making -= 1;
    }
  }
}
