import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { Ending } from '../outcome/past-runs.js';
import { coreCronCallback } from '../process/own-callback.js';
import { errandPlace } from '../scheduler/errand-place.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startOwn, whyNot } from '../scheduler/start-own.js';
import { databaseReason } from '../store/database.js';
import { setVariable } from '../workers/set-variable.js';
import type { CronJob } from './cron-job.js';
import type { CronTools } from './cron-tools.js';
import { CronTurns } from './cron-turns.js';
import { coreJob } from './core-job.js';
import {
  coreCronDue,
  coreCronLead,
  coreCronPeriod,
  coreCronState,
  cronVariables,
  type CoreCronState,
} from './core-due.js';
import { PageHold } from './page-hold.js';
import type { SlotKeeper } from './slot-keeper.js';
import type { Upcoming } from './upcoming.js';
import { Zone } from './zone.js';

/** The name of a site's cron run among its processes. */
export const coreCronHandle = 'drupald_cron';

/** Milliseconds between two looks. */
const interval = 1_000;

/** The step that a run tells when it is through. */
const finished = '';

/** The default lock of the core, whose table can be written from outside. */
const coreLock = 'includes/lock.inc';

export interface CoreCronOptions extends CronTools {
  readonly slots: SlotKeeper;
  /** Whether each module's hook is a process of its own. */
  readonly isolate: boolean;
}

interface Seen {
  state: CoreCronState;
  readonly pages: PageHold;
  /** How the last run ended. */
  outcome?: string;
  /** Milliseconds that it began after its time. */
  lateMs?: number;
  /** A run waits or goes on. */
  going: boolean;
  /** Modules that need no turn any more in this round. */
  done: string[];
  /** The last run has left modules for another one, which has not begun yet. */
  continues: boolean;
  /** A run of ours has just ended, and has changed `cron_last`. */
  acceptNext: boolean;
  toldForeign: boolean;
  /** Why it could not begin, as it was told last. */
  toldReason?: string | undefined;
  renewedAt: number;
}

/**
 * Cron of sites without Ultimate Cron: started before any page would do it, by the
 * site's own cadence, as a process of its own. While it goes on its lock is renewed,
 * and `cron_last` is kept young, so that no page begins a second one.
 */
export class CoreCron extends BaseComponent {
  readonly name = 'core-cron';
  readonly #options: CoreCronOptions;
  readonly #seen = new Map<ServedSite, Seen>();
  readonly #turns: CronTurns;
  readonly #looks = new Repeated(() => this.#look());

  constructor(options: CoreCronOptions) {
    super();
    this.#options = options;
    this.#turns = new CronTurns(options);
  }

  protected override onStart(): void {
    this.#looks.start(interval);
    this.#looks.now();
  }

  protected override async onStop(): Promise<void> {
    await this.#looks.stop();
    await Promise.all([...this.#seen.values()].map(({ pages, state }) => pages.release(state).catch(() => undefined)));
  }

  /** A run has ended; whichever. */
  ended(ending: Ending): void {
    this.#turns.ended(ending);
    const { run, steps = [] } = ending;
    if (run.callback !== coreCronCallback) return;
    const site = this.#options.sites.find(({ name }) => name === run.site);
    const seen = site && this.#seen.get(site);
    if (!site || !seen) return;
    seen.going = false;
    seen.acceptNext = true;
    seen.outcome = run.outcome;
    const last = steps.at(-1);
    const left = this.#turns.leave(site);
    if (last === undefined || last === finished || run.outcome === 'cancelled') {
      seen.done = [];
      return;
    }
    // Also an exit() in a hook, which looks like an end without a fault. Whoever it died in has had its turn.
    seen.done.push(...steps);
    this.#options.bus.emit('cron.continued', {
      site: site.name,
      module: last,
      reason: run.sentence || 'it ended by exit().',
    });
    void left.then(() => {
      seen.continues = true;
      return this.#continue(site, seen);
    });
  }

  /** A cron run asks for the hook of a module to be run by a process of its own. */
  turn(...[record, module, answer]: Parameters<CronTurns['take']>): void {
    void this.#turns.take(record, module, answer);
  }

  /** Cron of each site that has one of this kind. */
  jobs(): CronJob[] {
    return this.#options.sites
      .filter((site) => site.facts !== undefined && isOurs(site))
      .map((site) => {
        const seen = this.#seen.get(site);
        const record = this.#recordOf(site);
        const about = { site: site.name, zone: site.facts?.timeZone ?? '', running: record !== undefined };
        return coreJob({ ...about, step: record?.steps.at(-1) }, seen, Date.now() / 1000);
      });
  }

  /** Whether cron of a site is run here, by the site's own drupal_cron_run(). */
  has(site: ServedSite): boolean {
    return site.facts !== undefined && isOurs(site);
  }

  /** Whether a run waits or goes on. */
  busy(site: ServedSite): boolean {
    return this.#seen.get(site)?.going ?? false;
  }

  /** Why no run begins, whatever the time is; undefined: one may. */
  rests(site: ServedSite): 'maintenance' | 'not installed' | undefined {
    const state = this.#seen.get(site)?.state;
    return state?.installed === false ? 'not installed' : state?.maintenance ? 'maintenance' : undefined;
  }

  /** When cron of each site is going to run, as far as that can be foreseen. */
  upcoming(from: number): Upcoming[] {
    return [...this.#seen].flatMap(([site, { state }]) => {
      const due = coreCronDue(state, Date.now() / 1000);
      const zone = Zone.orUtc(site.facts?.timeZone);
      if (typeof due !== 'number' || !this.has(site)) return [];
      const step = coreCronPeriod(state) * 1000;
      const first = Math.max(due * 1000, Date.now());
      const skipped = Math.max(0, Math.ceil((from - first) / step));
      return [{ site: site.name, name: 'cron', zone, starts: everyFrom(first + skipped * step, step) }];
    });
  }

  /** Runs cron of a site now, whatever its time is; why it cannot, or undefined. */
  async run(site: ServedSite): Promise<string | undefined> {
    const seen = this.#seen.get(site);
    if (!seen) return 'the site has not been looked at yet';
    seen.done = [];
    seen.continues = false;
    return this.#begin(site, seen);
  }

  /** Begins what the last run has left; the next look tries again where the database is still away. */
  async #continue(site: ServedSite, seen: Seen): Promise<void> {
    if ((await this.#begin(site, seen)) === undefined) seen.continues = false;
  }

  async #look(): Promise<void> {
    await Promise.all(
      this.#options.sites.map(async (site) => {
        if (site.isOpen && isOurs(site)) await this.#options.guard.run(site, () => this.#lookAt(site));
      }),
    );
  }

  async #lookAt(site: ServedSite): Promise<void> {
    const told = coreCronState(await site.core.variables(cronVariables), site.seenSettings.overrides);
    const pages = this.#seen.get(site)?.pages ?? this.#pagesOf(site);
    const cadence = typeof site.config.cron === 'number' ? site.config.cron / 1000 : undefined;
    const state = cadence === undefined ? told : { ...told, cadence, ran: await this.#ranAt(site, pages, told.last) };
    const seen = this.#seen.get(site) ?? {
      state,
      pages,
      going: false,
      done: [],
      continues: false,
      acceptNext: false,
      toldForeign: false,
      renewedAt: 0,
    };
    this.#seen.set(site, seen);
    const before = seen.state;
    seen.state = state;
    const now = Date.now() / 1000;
    // One that the last daemon began.
    seen.going ||= this.#recordOf(site) !== undefined;
    if (seen.going) {
      await this.#keep(site, seen, now);
      return;
    }
    if (before.last !== state.last && state.ran === undefined && !seen.acceptNext && !seen.toldForeign) {
      seen.toldForeign = true;
      this.#options.bus.emit('cron.foreign', { site: site.name });
    }
    seen.acceptNext = false;
    if (this.#options.taker.closed) {
      // Nothing begins here any more: from now on the pages do it.
      await pages.release(state);
      return;
    }
    if (seen.continues) {
      await this.#continue(site, seen);
      return;
    }
    const due = coreCronDue(state, now);
    if (typeof due === 'number' && due <= now) {
      seen.done = [];
      const reason = await this.#begin(site, seen);
      if (reason === undefined) {
        seen.lateMs = (now - due) * 1000;
        seen.toldReason = undefined;
        return;
      }
      if (seen.toldReason !== reason && reason !== whyNot('stopping', coreCronHandle)) {
        seen.toldReason = reason;
        this.#options.bus.emit('cron.not-started', { site: site.name, job: 'cron', reason });
      }
    }
    await pages.keep(state, now);
  }

  /** Makes the row of a run and sends it through the door of all starts; why it could not, or undefined. */
  async #begin(site: ServedSite, seen: Seen): Promise<string | undefined> {
    const { taker, hostsOf, queuesOf, bus } = this.#options;
    if (taker.closed) return whyNot('stopping', coreCronHandle);
    if (seen.going) return 'it runs';
    seen.going = true;
    try {
      const process = { handle: coreCronHandle, callback: coreCronCallback, serviceHost: hostsOf(site)[0] ?? '' };
      const started = await startOwn(taker, site, process, [
        { skip: seen.done, queues: queuesOf(site), isolate: this.#options.isolate },
      ]);
      seen.going = started === 'started';
      seen.renewedAt = Date.now();
      return whyNot(started, coreCronHandle);
    } catch (error) {
      seen.going = false;
      const reason = databaseReason(error);
      bus.emit('store.error', { site: site.name, reason, temporary: true });
      return reason;
    }
  }

  /** What a run that goes on needs, and one that waits for its slot. */
  async #keep(site: ServedSite, seen: Seen, now: number): Promise<void> {
    const { state } = seen;
    await this.#turns.look(site);
    const record = this.#recordOf(site);
    if (!record && !(await site.store.find([coreCronHandle])).some(({ handle }) => handle === coreCronHandle)) {
      // It was dropped before it began.
      seen.going = false;
      return;
    }
    const pauseMs = Math.min(30_000, (state.lockTimeout * 1000) / 4);
    if (record && record.lock !== '' && site.facts?.lockApi === coreLock && Date.now() - seen.renewedAt >= pauseMs) {
      seen.renewedAt = Date.now();
      await site.core.renewLock('cron', record.lock, now + state.lockTimeout);
    }
    if (
      state.threshold > 0 &&
      state.last !== undefined &&
      now >= state.last + state.threshold - coreCronLead(state.threshold)
    ) {
      await this.#setLast(site, Math.floor(now));
    }
  }

  /** When cron really ran, where that is not in `cron_last`. */
  async #ranAt(site: ServedSite, pages: PageHold, last: number | undefined): Promise<number | undefined> {
    if (this.#seen.get(site)?.acceptNext === true) {
      pages.accept(last);
      return undefined;
    }
    return pages.ran(last);
  }

  #pagesOf(site: ServedSite): PageHold {
    return new PageHold(
      () => this.#options.slots.of(site),
      (value) => this.#setLast(site, value),
    );
  }

  async #setLast(site: ServedSite, value: number): Promise<void> {
    const { bus, bootTimeout } = this.#options;
    await setVariable(errandPlace(site, bus, bootTimeout), { name: 'cron_last', value });
  }

  #recordOf(site: ServedSite): RunRecord | undefined {
    return this.#options.running().find(({ dispatch }) => dispatch.site === site && dispatch.handle === coreCronHandle);
  }
}

function* everyFrom(first: number, step: number): Generator<number> {
  for (let at = first; ; at += step) yield at;
}

function isOurs(site: ServedSite): boolean {
  return site.config.cron !== 'off' && site.facts?.cron === true && !site.facts.modules.ultimate_cron?.enabled;
}
