/** Work that is done again and again, and never twice at the same time. */
export class Repeated {
  readonly #work: () => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> | undefined;

  /** @param work must not throw: nobody would hear of it */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** @param interval milliseconds between two times; the first one is after that */
  start(interval: number): void {
    this.#timer = setInterval(() => this.now(), interval);
  }

  /** Does it once more, unless it is under way. */
  now(): void {
    this.#current ??= this.#work().finally(() => {
      this.#current = undefined;
    });
  }

  /** Resolves when it is not under way. */
  async idle(): Promise<void> {
    await this.#current;
  }

  /** Ends it; resolves when it is over for the last time. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#current;
  }
}
