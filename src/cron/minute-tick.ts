import { createTask, type ScheduledTask } from 'node-cron';

/**
 * Calls back at the begin of each minute of the clock.
 *
 * A task of node-cron that runs by itself would go through every minute that a clock which is set
 * forward has left out, one by one, and nothing else would happen meanwhile. It is asked for the
 * next time only.
 */
export class MinuteTick {
  readonly #task: ScheduledTask = createTask('* * * * *', () => undefined);
  readonly #onMinute: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onMinute: () => void) {
    this.#onMinute = onMinute;
  }

  start(): void {
    const next = this.#task.getNextRuns(1)[0]?.getTime() ?? Date.now();
    this.#timer = setTimeout(
      () => {
        // Timers keep to a clock of their own: that of the day may be behind.
        if (Date.now() >= next) this.#onMinute();
        this.start();
      },
      Math.max(1, next - Date.now()),
    );
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#task.destroy();
  }
}
