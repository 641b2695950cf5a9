import { BaseComponent } from '../components/component.js';
import type { ScheduleEntry } from '../config/schedule.js';
import type { Ending } from '../outcome/past-runs.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { StoreGuard } from '../store/store-guard.js';
import { CoreCron } from './core-cron.js';
import type { CronJob } from './cron-job.js';
import type { CronTools } from './cron-tools.js';
import type { QueueDoor } from './entry-work.js';
import { OwnSchedule } from './own-schedule.js';
import { runJob } from './run-job.js';
import { SlotKeeper } from './slot-keeper.js';
import { UltimateCron } from './ultimate-cron.js';
import { nextRuns, upcomingEntries, type NextRun } from './upcoming.js';
import { WholeCron } from './whole-cron.js';

export interface ClockworkOptions extends Omit<CronTools, 'queuesOf' | 'guard'> {
  /** Entries of `schedule`. */
  readonly entries: readonly ScheduleEntry[];
  /** Whether each module's hook_cron() is a process of its own. */
  readonly isolate: boolean;
  readonly queues: QueueDoor & { namesOf(site: ServedSite): readonly string[] };
}

/** All that begins at set times: cron of the sites, whichever they have, and our own entries. */
export class Clockwork extends BaseComponent {
  readonly name = 'clockwork';
  readonly #sites: readonly ServedSite[];
  readonly #core: CoreCron;
  readonly #ultimate: UltimateCron;
  readonly #own: OwnSchedule;

  constructor(options: ClockworkOptions) {
    super();
    const slots = new SlotKeeper(options.bus);
    const guard = new StoreGuard(options.bus);
    const tools = { ...options, queuesOf: (site: ServedSite) => options.queues.namesOf(site), slots, guard };
    this.#sites = options.sites;
    this.#core = new CoreCron(tools);
    this.#ultimate = new UltimateCron(tools);
    this.#own = new OwnSchedule({ ...tools, cron: new WholeCron(this.#core, this.#ultimate, options.stop) });
  }

  protected override async onStart(): Promise<void> {
    await this.#core.start();
    await this.#ultimate.start();
    await this.#own.start();
  }

  protected override async onStop(): Promise<void> {
    await this.#own.stop();
    await this.#ultimate.stop();
    await this.#core.stop();
  }

  /** A run has ended; whichever. */
  ended(ending: Ending): void {
    this.#core.ended(ending);
    this.#ultimate.ended(ending);
    this.#own.ended(ending);
  }

  /** A cron run asks for the hook of a module to be run by a process of its own. */
  turn(...turn: Parameters<CoreCron['turn']>): void {
    this.#core.turn(...turn);
  }

  /** The limit of wall-clock time that the entry of a process sets, in milliseconds; undefined: none. */
  limitOf(site: ServedSite, handle: string): number | undefined {
    return this.#own.limitOf(site, handle);
  }

  /** Every job that runs at set times. */
  jobs(): CronJob[] {
    return [...this.#core.jobs(), ...this.#ultimate.jobs(), ...this.#own.jobs()];
  }

  /** What begins next, from an instant on (milliseconds since 1970). */
  next(from: number, count: number): readonly NextRun[] {
    const entries = upcomingEntries(this.#own.entries, from);
    return nextRuns([...this.#core.upcoming(from), ...this.#ultimate.upcoming(from), ...entries], count);
  }

  /** Starts a job now. @throws DrupaldError CRON_JOB_UNKNOWN, CRON_JOB_AMBIGUOUS, CRON_JOB_NOT_STARTED */
  run(wish: {
    readonly name: string;
    readonly site?: string | undefined;
  }): Promise<{ readonly site: string; readonly handle: string }> {
    return runJob({ core: this.#core, ultimate: this.#ultimate, own: this.#own }, this.#sites, wish);
  }
}
