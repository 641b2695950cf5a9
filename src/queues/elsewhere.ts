import type { ItemCount } from '../workers/queue-counts.js';

/** Milliseconds between two questions how much such queues hold. */
const interval = 15_000;

/** Milliseconds until a queue is looked at again that said that it holds something and gave nothing, at first and at most. */
const emptyPause = 15_000;
const emptyLongest = 60_000;

/** Milliseconds after which a queue is looked at whatever it says: not every one can count. */
const anyway = 300_000;

/** Longest pause after failures, in milliseconds, and by how much each is longer than the one before. */
const longestPause = 600_000;
const shortestPause = 1_000;
const growth = 5;

/** What a worker has found in a queue. */
export interface Found {
  readonly begun: number;
  readonly failed: number;
  /** Why the last one failed. */
  readonly reason: string;
}

interface State {
  /** It has something, as far as is known. */
  ready: boolean;
  /** Workers one after another that came to no item without a failure, or that found none. */
  failures: number;
  empties: number;
  /** Monotonic milliseconds before which it is left alone, and since which no worker has looked. */
  until: number;
  looked: number;
  /** Why it could not say what it holds; empty: it could. */
  problem: string;
}

export interface ElsewhereOptions {
  /** How many items these queues hold; rejects when nobody can say now. */
  readonly ask: (queues: readonly string[]) => Promise<ReadonlyMap<string, ItemCount>>;
  /** Milliseconds that a queue pauses after its first failure. */
  readonly pause: number;
  /** Told of a queue that pauses for so many milliseconds, or cannot be asked. */
  readonly onPause: (queue: string, reason: string, pauseMs: number) => void;
}

/**
 * Queues that are not kept in the site's database. They are asked now and then how much they hold;
 * as long as a worker finds something, the next one begins at once. Failures cannot be kept by item
 * there: after one the whole queue pauses, longer each time that a worker brings nothing to its end.
 */
export class Elsewhere {
  readonly #options: ElsewhereOptions;
  readonly #states = new Map<string, State>();
  #asking: Promise<void> | undefined;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(options: ElsewhereOptions) {
    this.#options = options;
  }

  /** Which of these queues a worker should look at now. Never rejects; what is asked for meanwhile counts the next time. */
  due(queues: readonly string[]): string[] {
    const now = performance.now();
    if (queues.length > 0 && !this.#asking && now - this.#asked >= interval) {
      this.#asked = now;
      this.#asking = this.#ask(queues).finally(() => {
        this.#asking = undefined;
      });
    }
    return queues.filter((queue) => {
      const { ready, until, looked } = this.#of(queue);
      return now >= until && (ready || now - looked >= anyway);
    });
  }

  /** Whether a queue has something that may be worked off now, as far as is known. */
  isReady(queue: string): boolean {
    const { ready, until } = this.#of(queue);
    return ready && performance.now() >= until;
  }

  /** A worker begins to look. */
  begun(queue: string): void {
    this.#of(queue).looked = performance.now();
  }

  /** A worker is over. */
  over(queue: string, { begun, failed, reason }: Found): void {
    const state = this.#of(queue);
    if (failed > 0) {
      state.failures = begun > failed ? 1 : state.failures + 1;
      this.#pause(queue, state, reason);
    } else {
      state.failures = 0;
      state.ready = begun > 0;
      state.empties = begun > 0 ? 0 : state.empties + 1;
      const pause = Math.min(emptyLongest, emptyPause * 2 ** (state.empties - 1));
      state.until = begun > 0 ? 0 : performance.now() + pause;
    }
  }

  /** Milliseconds that a queue still pauses after a failure, or because it cannot be asked; undefined: it does not. */
  pauseOf(queue: string): number | undefined {
    const { failures, until, problem } = this.#of(queue);
    const left = until - performance.now();
    return (failures > 0 || problem !== '') && left > 0 ? left : undefined;
  }

  /** Ends the pause of a queue; false: it did not pause. */
  wake(queue: string): boolean {
    const paused = this.pauseOf(queue) !== undefined;
    if (paused) {
      Object.assign(this.#of(queue), { ready: true, failures: 0, until: 0, problem: '' } satisfies Partial<State>);
    }
    return paused;
  }

  /** Resolves when nothing is being asked. */
  async idle(): Promise<void> {
    await this.#asking;
  }

  async #ask(queues: readonly string[]): Promise<void> {
    let counts: ReadonlyMap<string, ItemCount>;
    try {
      counts = await this.#options.ask(queues);
    } catch {
      // That the site does not boot is told by those who need it to.
      return;
    }
    for (const [queue, count] of counts) {
      const state = this.#of(queue);
      if (typeof count === 'number') {
        state.ready ||= count > 0;
        state.problem = '';
      } else {
        state.until = Math.max(state.until, performance.now() + interval);
        if (state.problem !== count.problem) {
          state.problem = count.problem;
          this.#options.onPause(queue, count.problem, interval);
        }
      }
    }
  }

  #pause(queue: string, state: State, reason: string): void {
    const { pause, onPause } = this.#options;
    const pauseMs = Math.min(longestPause, Math.max(shortestPause, pause * growth ** (state.failures - 1)));
    state.until = performance.now() + pauseMs;
    // What was returned is still there.
    state.ready = true;
    onPause(queue, reason, Math.round(pauseMs));
  }

  #of(queue: string): State {
    let state = this.#states.get(queue);
    if (!state) {
      state = { ready: false, failures: 0, empties: 0, until: 0, looked: performance.now(), problem: '' };
      this.#states.set(queue, state);
    }
    return state;
  }
}
