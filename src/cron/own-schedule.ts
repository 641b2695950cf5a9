import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import { sameAddress, type ScheduleEntry } from '../config/schedule.js';
import type { EventBus } from '../events/bus.js';
import type { Ending } from '../outcome/past-runs.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { StoreGuard } from '../store/store-guard.js';
import type { CronJob } from './cron-job.js';
import {
  CallbackWork,
  CronWork,
  QueueWork,
  type CronDoor,
  type EntryWork,
  type ProcessTools,
  type QueueDoor,
} from './entry-work.js';
import { OwnEntry } from './own-entry.js';
import type { SlotKeeper } from './slot-keeper.js';

/** Milliseconds between two looks, between two times of tidying up, and by which clocks may drift apart between two looks. */
const interval = 1_000;
const pruneInterval = 600_000;
const drift = 2_000;

export interface OwnScheduleOptions extends ProcessTools {
  readonly entries: readonly ScheduleEntry[];
  readonly sites: readonly ServedSite[];
  readonly queues: QueueDoor;
  readonly cron: CronDoor;
  readonly slots: SlotKeeper;
  readonly bus: EventBus;
  readonly guard: StoreGuard;
}

/** Entries of `schedule`: each begins at its times, as a process, by whichever daemon takes its slot first. */
export class OwnSchedule extends BaseComponent {
  readonly name = 'own-schedule';
  readonly #options: OwnScheduleOptions;
  readonly #entries: readonly OwnEntry[];
  /** Entries that fit no site. */
  readonly #astray: readonly (CronJob & { readonly reason: string })[];
  readonly #looks = new Repeated(() => this.#look());
  #clock = { wall: Date.now(), tick: performance.now() };
  #prunedAt = 0;

  constructor(options: OwnScheduleOptions) {
    super();
    this.#options = options;
    const entries: OwnEntry[] = [];
    const astray: (CronJob & { reason: string })[] = [];
    for (const entry of options.entries) {
      const fitting = options.sites.filter(
        ({ uris }) => entry.site === undefined || uris.some((uri) => sameAddress(uri.url, entry.site ?? '')),
      );
      const [site] = fitting;
      if (site && fitting.length === 1) {
        const book = () => options.slots.of(site);
        entries.push(new OwnEntry({ entry, site, work: this.#workOf(entry, site), book, bus: options.bus }));
      } else {
        astray.push(unplaced(entry, fitting));
      }
    }
    this.#entries = entries;
    this.#astray = astray;
  }

  /** Entries, as people see them. */
  jobs(): CronJob[] {
    const now = Date.now();
    return [...this.#entries.map((entry) => entry.view(now)), ...this.#astray];
  }

  /** Entries whose rules can be used. */
  get entries(): readonly OwnEntry[] {
    return this.#entries;
  }

  /** The entry of a job; undefined: it is no entry, or fits no site. */
  find({ site, name }: Pick<CronJob, 'site' | 'name'>): OwnEntry | undefined {
    return this.#entries.find((one) => one.entry.name === name && one.site.name === site);
  }

  /** Milliseconds that a process may run because of its entry; undefined: as long as its callback. */
  limitOf(site: ServedSite, handle: string): number | undefined {
    return this.#entries.find((one) => one.site === site && one.work.owns(handle))?.entry.limit;
  }

  /** A run has ended; whichever. */
  ended({ run }: Ending): void {
    for (const one of this.#entries) {
      if (one.site.name === run.site && one.work.owns(run.handle)) one.ended(run.outcome);
    }
    this.#looks.now();
  }

  protected override onStart(): void {
    const { bus } = this.#options;
    for (const { site, name, reason } of this.#astray) bus.emit('cron.unusable', { site, job: name, reason });
    if (this.#entries.length === 0) return;
    this.#looks.start(interval);
    this.#looks.now();
  }

  protected override onStop(): Promise<void> {
    return this.#looks.stop();
  }

  async #look(): Promise<void> {
    const now = Date.now();
    const tick = performance.now();
    const stepped = Math.abs(now - this.#clock.wall - (tick - this.#clock.tick)) > drift;
    this.#clock = { wall: now, tick };
    const { taker } = this.#options;
    await Promise.all(
      this.#entries.map(async (entry) => {
        const { site } = entry;
        if (stepped) entry.forgetTimes();
        if (taker.closed || !site.isOpen) return;
        await this.#options.guard.run(site, () => entry.look(now, tick));
      }),
    );
    if (tick - this.#prunedAt >= pruneInterval) {
      this.#prunedAt = tick;
      const sites = new Set(this.#entries.map(({ site }) => site));
      await Promise.all(
        [...sites].map((site) =>
          this.#options.guard.run(site, async () => (await this.#options.slots.of(site)).prune(now / 1000)),
        ),
      );
    }
  }

  #workOf(entry: ScheduleEntry, site: ServedSite): EntryWork {
    const { queues, cron } = this.#options;
    switch (entry.work.kind) {
      case 'callback':
        return new CallbackWork(site, entry, this.#options);
      case 'queue':
        return new QueueWork(site, entry, this.#options, queues);
      case 'cron':
        return new CronWork(site, cron);
    }
  }
}

function unplaced(entry: ScheduleEntry, fitting: readonly ServedSite[]): CronJob & { readonly reason: string } {
  const reason =
    fitting.length === 0
      ? `there is no site ${entry.site ?? ''}`
      : `it must say which site is meant: ${fitting.map(({ name }) => name).join(', ')}`;
  return {
    site: entry.site ?? '',
    name: entry.name,
    rule: `unusable: ${reason}`,
    zone: entry.zone ?? '',
    state: 'unusable',
    last: null,
    next: null,
    outcome: null,
    lateMs: null,
    step: null,
    reason,
  };
}
