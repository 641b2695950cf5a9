/** A promise that its maker settles from outside. The first call of `resolve` or `reject` wins. */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  private settle!: { resolve: (value: T | PromiseLike<T>) => void; reject: (reason: unknown) => void };
  private done = false;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
  }

  /** Whether `resolve` or `reject` has been called. */
  get settled(): boolean {
    return this.done;
  }

  /** Fulfils the promise; without effect when it is settled. */
  resolve(value: T | PromiseLike<T>): void {
    this.done = true;
    this.settle.resolve(value);
  }

  /** Rejects the promise; without effect when it is settled. */
  reject(reason: unknown): void {
    this.done = true;
    this.settle.reject(reason);
  }

  /** Marks a rejection as seen, so that nobody waiting for it is no crash of the process. */
  ignoreRejection(): this {
    this.promise.catch(() => undefined);
    return this;
  }
}
