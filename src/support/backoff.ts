/** How pauses between attempts grow. */
export interface BackoffOptions {
  /** First pause in milliseconds. */
  readonly firstMs: number;
  /** No pause is longer, in milliseconds. */
  readonly maxMs: number;
  /** Each pause is this many times the one before; default 2. */
  readonly factor?: number;
  /** Part of each pause that is left to chance, 0 to 1; default 0.2. */
  readonly jitter?: number;
  /** Chance from 0 to 1, replaced by tests. */
  readonly random?: () => number;
}

/** Growing pauses with a cap and some chance, so that many that failed together do not return together. */
export class Backoff {
  private attempts = 0;

  constructor(private readonly options: BackoffOptions) {}

  /** Pauses handed out since the last reset. */
  get count(): number {
    return this.attempts;
  }

  /** The next pause in milliseconds, never above the cap. */
  next(): number {
    const { firstMs, maxMs, factor = 2, jitter = 0.2, random = Math.random } = this.options;
    const whole = Math.min(maxMs, firstMs * factor ** this.attempts);
    this.attempts += 1;
    return Math.round(whole * (1 - jitter * random()));
  }

  /** Begins with the first pause again, after something worked. */
  reset(): void {
    this.attempts = 0;
  }
}
