/** A long-lived part of the daemon. */
export interface Component {
  /** Name for logs and errors. */
  readonly name: string;
  /** Begins its work; resolves when it is ready. A component starts once in its life. */
  start(): Promise<void>;
  /** Ends its work; resolves when nothing of it is left. May be called at any time, any number of times. */
  stop(): Promise<void>;
}

/** Where a component stands in its one life. */
export type ComponentState = 'new' | 'starting' | 'started' | 'stopping' | 'stopped';

/**
 * The start and stop contract in one place: start once, stop twice safely, stop before start safely, stop
 * during start waits for it. Subclasses write only `onStart` and `onStop`.
 */
export abstract class BaseComponent implements Component {
  abstract readonly name: string;
  private phase: ComponentState = 'new';
  private starting: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;

  /** Where the component stands. */
  get state(): ComponentState {
    return this.phase;
  }

  /** Work of the start. When it throws, `onStop` is called so that nothing half started stays. */
  protected abstract onStart(): Promise<void> | void;

  /** Work of the stop; called at most once, and also after a failed start. */
  protected abstract onStop(): Promise<void> | void;

  /** Rejects when the component was started or stopped before, or when `onStart` fails. */
  async start(): Promise<void> {
    if (this.phase !== 'new') {
      throw new Error(
        `The component ${this.name} cannot be started: it is ${this.phase}, and it starts once in its life.`,
      );
    }
    this.phase = 'starting';
    this.starting = this.runStart();
    await this.starting;
  }

  /** Every call resolves (or rejects) with the one stop; before a start it only forbids the start. */
  stop(): Promise<void> {
    this.stopping ??= this.runStop();
    return this.stopping;
  }

  private async runStart(): Promise<void> {
    // First let `starting` be set, so that a stop from inside onStart finds what to wait for.
    await Promise.resolve();
    try {
      await this.onStart();
    } catch (error) {
      if (this.stopping === null) {
        // No longer "starting": this clean-up must not wait for the start that waits for it.
        this.phase = 'started';
        // What failed is the start; a clean-up that fails, too, must not hide that.
        await this.stop().catch(() => undefined);
      }
      throw error;
    }
    // A stop may have been asked for meanwhile; then it takes over from here.
    if (this.phase === 'starting') this.phase = 'started';
  }

  private async runStop(): Promise<void> {
    const before = this.phase;
    const start = this.starting;
    this.phase = 'stopping';
    try {
      if (before === 'new') return;
      if (before === 'starting' && start !== null) await settled(start);
      await this.onStop();
    } finally {
      this.phase = 'stopped';
    }
  }
}

async function settled(promise: Promise<void>): Promise<void> {
  await promise.catch(() => undefined);
}
