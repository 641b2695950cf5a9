import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { StoreGuard } from '../store/store-guard.js';
import { FileWatch } from '../workers/file-watch.js';

/** Milliseconds between two looks, and after which the same trouble is told again. */
const interval = 3_000;
const reminder = 60_000;

/** Variables that decide what the daemon knows of a site, where settings.php does not fix them. */
const watched = [
  'background_process_ass_max_age',
  'background_process_connection_timeout',
  'background_process_derived_default_host',
  'background_process_service_groups',
  'background_process_service_hosts',
  'clean_url',
  'date_default_timezone',
];

/** What of a site is watched. */
export type WatchedSite = Pick<ServedSite, 'name' | 'isOpen' | 'facts' | 'seenSettings' | 'check'> & {
  readonly core: Pick<ServedSite['core'], 'sumOf'>;
};

/** How a site stood when its facts were read. */
interface Seen {
  readonly facts: ServedSite['facts'];
  readonly sum: string;
  readonly files: FileWatch;
}

/**
 * Reads the facts of a site anew when its service hosts, its groups or its settings files change, so that nobody
 * needs to restart the daemon for them. A look costs one statement and a glance at each file.
 */
export class FactsWatch extends BaseComponent {
  readonly name = 'facts-watch';
  readonly #sites: readonly WatchedSite[];
  readonly #bus: EventBus;
  readonly #guard: StoreGuard;
  readonly #seen = new Map<WatchedSite, Seen>();
  readonly #looks = new Repeated(() => this.#look(false));

  constructor(sites: readonly WatchedSite[], bus: EventBus) {
    super();
    this.#sites = sites;
    this.#bus = bus;
    this.#guard = new StoreGuard(bus, reminder);
  }

  protected override async onStart(): Promise<void> {
    // The daemon has read the facts just now.
    await this.#look(true);
    this.#looks.start(interval);
  }

  protected override onStop(): Promise<void> {
    return this.#looks.stop();
  }

  async #look(first: boolean): Promise<void> {
    for (const site of this.#sites) {
      if (site.isOpen) {
        await this.#guard.run(site, () => this.#lookAt(site, first));
      }
    }
  }

  async #lookAt(site: WatchedSite, first: boolean): Promise<void> {
    const begun = Date.now();
    const sum = await site.core.sumOf(watched);
    const seen = this.#seen.get(site);
    if (first) {
      this.#keep(site, sum, begun - performance.now());
      return;
    }
    const what = seen && (seen.files.changedAt(performance.now()) ?? (seen.sum === sum ? undefined : 'variables'));
    if (seen?.facts === site.facts && what === undefined) {
      return;
    }
    // What somebody else has read in between may be older than this look: it is read once more.
    if ((await site.check()) === undefined) {
      this.#keep(site, sum, begun);
      if (what !== undefined) this.#bus.emit('site.reread', { site: site.name, what });
    }
    // A site that does not boot is tried again at the next look; whether its work waits is for its starts to find out.
  }

  /** @param since milliseconds since 1970 from which on the files may have been read */
  #keep(site: WatchedSite, sum: string, since: number): void {
    const files = new FileWatch(site.seenSettings.files, since);
    this.#seen.set(site, { facts: site.facts, sum, files });
  }
}
