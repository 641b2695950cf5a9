import { BaseComponent } from '../components/component.js';
import type { SiteConfig } from '../config/config.js';
import { fail, type ErrorName } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import type { SiteFacts, SiteSettings } from '../sites/description.js';
import type { SiteUri } from '../sites/site-uri.js';
import { TroubleTeller } from '../events/trouble-teller.js';
import { BatchTable } from '../store/batch-table.js';
import { CoreBatchTable } from '../store/core-batch-table.js';
import { CoreTables } from '../store/core-tables.js';
import { CronSlotTable } from '../store/cron-slot-table.js';
import { databaseReason, isTemporary, SiteDatabase } from '../store/database.js';
import { DatabaseHealth } from '../store/database-health.js';
import { Installation, type Belonging } from '../store/installation.js';
import { NeighbourTable } from '../store/neighbour-table.js';
import { OwnerTable } from '../store/owner-table.js';
import { ProcessStore } from '../store/process-store.js';
import { QueueItemTable } from '../store/queue-item-table.js';
import { QueueTable } from '../store/queue-table.js';
import { RunTable } from '../store/run-table.js';
import { StartTable } from '../store/start-table.js';
import { UltimateStore } from '../store/ultimate-store.js';
import { Backoff } from '../support/backoff.js';
import { bootReason, describeSite } from '../workers/describe-site.js';
import type { JobPlace } from '../workers/jobs.js';
import type { SiteWorkers } from '../workers/site-workers.js';
import type { WorkerSource } from '../workers/worker.js';
import { Ownership } from './ownership.js';
import { siteTrouble } from './site-trouble.js';

/** Longest pause between two attempts to boot, in milliseconds: work goes on so soon after a repair. */
const longestPause = 5_000;

/** Milliseconds after which the same trouble is told again. */
const reminder = 60_000;

/** What a served site is made of. */
export interface ServedSiteOptions {
  readonly config: SiteConfig;
  readonly uris: readonly [SiteUri, ...SiteUri[]];
  readonly settings: SiteSettings;
  /** Unknown while the site has not booted yet. */
  readonly facts: SiteFacts | undefined;
  readonly place: JobPlace;
  readonly source: WorkerSource;
  readonly workers: SiteWorkers;
  readonly bus: EventBus;
  /** Milliseconds. */
  readonly bootTimeout: number;
}

/** One site with its database, its workers and its health. */
export class ServedSite extends BaseComponent {
  readonly name: string;
  readonly config: SiteConfig;
  readonly uris: readonly [SiteUri, ...SiteUri[]];
  readonly place: JobPlace;
  readonly source: WorkerSource;
  readonly workers: SiteWorkers;
  readonly settings: SiteSettings;
  /** What settings.php said at the last look; the store keeps to `settings`. */
  seenSettings: SiteSettings;
  readonly store: ProcessStore;
  /** What was sent to other daemons of the site. */
  readonly neighbours: NeighbourTable;
  /** What the requests of waiting starts brought along, for those others. */
  readonly starts: StartTable;
  /** Its past runs. */
  readonly runs: RunTable;
  /** Items of its queues, and those that have failed. */
  /** Variables, locks and log of Drupal itself. */
  readonly core: CoreTables;
  readonly queue: QueueTable;
  readonly queueItems: QueueItemTable;
  /** Batches and their progress. */
  readonly batches: BatchTable;
  /** Those of Drupal's own Batch API. */
  readonly coreBatches: CoreBatchTable;
  /** Times for which entries of our own were fired. */
  readonly cronSlots: CronSlotTable;
  /** Which processes of ours this daemon has in hand, as others on the database see it. */
  readonly ownership: Ownership;
  /** The tables of Ultimate Cron, where it has them. */
  readonly ultimate: UltimateStore;
  /** Binds the database to this place. */
  readonly installation: Installation;
  /** `copied`: what already waited in the database is left alone until it is adopted. */
  belonging: Belonging = 'unknown';
  facts: SiteFacts | undefined;
  /** Why it cannot be booted; undefined while all is well. */
  trouble: string | undefined;
  /** Called when it boots again. */
  onRecovered: () => void = () => undefined;
  readonly #bus: EventBus;
  readonly #teller: TroubleTeller;
  readonly #bootTimeout: number;
  readonly #backoff = new Backoff({ firstMs: 500, maxMs: longestPause });
  #told: { readonly reason: string; readonly at: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #check: Promise<string | undefined> | undefined;
  #stopped = false;
  #installationTold = '';

  constructor(options: ServedSiteOptions) {
    super();
    this.config = options.config;
    this.uris = options.uris;
    this.name = options.uris[0].url;
    this.settings = options.settings;
    this.seenSettings = options.settings;
    this.facts = options.facts;
    this.place = options.place;
    this.source = options.source;
    this.workers = options.workers;
    this.#bus = options.bus;
    this.#teller = new TroubleTeller(options.bus, `site ${this.name}`, this.name);
    this.#bootTimeout = options.bootTimeout;
    const access = options.settings.databases.default;
    if (!access) {
      throw fail('URI_WITHOUT_SITE_FOLDER', { uri: this.name, root: options.config.root });
    }
    const open = (one: typeof access, key: string): SiteDatabase =>
      new SiteDatabase(one, new DatabaseHealth(options.bus, this.name, key));
    const main = open(access, 'default');
    this.installation = new Installation(main, options.config.root);
    const own = options.settings.databases.background_process;
    const processes = own ? open(own, 'background_process') : main;
    this.store = new ProcessStore(processes, main);
    this.neighbours = new NeighbourTable(processes);
    this.starts = new StartTable(main);
    this.core = new CoreTables(main);
    this.runs = new RunTable(processes, main);
    this.queue = new QueueTable(main);
    this.queueItems = new QueueItemTable(main);
    this.batches = new BatchTable(main);
    this.coreBatches = new CoreBatchTable(main);
    this.cronSlots = new CronSlotTable(main);
    this.ownership = new Ownership(new OwnerTable(main), this.name, options.bus);
    this.ultimate = new UltimateStore(main);
  }

  /** Which error of the catalogue its trouble is. */
  get troubleName(): ErrorName | undefined {
    return this.trouble === undefined ? undefined : siteTrouble(this.trouble);
  }

  /** Whether work of its own may begin: it boots, and its database is not a copy that nobody has adopted. */
  get isOpen(): boolean {
    return this.facts !== undefined && this.trouble === undefined && this.belonging !== 'copied';
  }

  /** Boots the site in a worker of its own, and asks its database for changes; why it fails, or undefined. Several callers share one attempt. */
  check(): Promise<string | undefined> {
    this.#check ??= this.#describe().finally(() => {
      this.#check = undefined;
    });
    return this.#check;
  }

  /** Says that the site does not boot: its waiting work waits until an attempt succeeds. */
  report(reason: string): void {
    const first = this.trouble === undefined;
    this.trouble = reason;
    if (first) {
      this.#backoff.reset();
    }
    this.#tryAgain(reason);
  }

  /** A start is being looked up: whether the loaded site is still true can be found out meanwhile. */
  anticipate(uri: SiteUri): void {
    this.workers.anticipate(uri);
  }

  /** Looks whether the database is a copy, once it can be asked. */
  async lookAtInstallation(): Promise<Belonging> {
    if (this.belonging === 'unknown') {
      this.belonging = await this.installation.check((error) => this.#tellInstallation(databaseReason(error)));
      if (this.belonging === 'copied') {
        this.#bus.emit('site.copied', { site: this.name });
      }
    }
    return this.belonging;
  }

  /** Makes a copied database this place's own. */
  async adopt(): Promise<void> {
    await this.installation.adopt();
    this.belonging = 'ours';
  }

  protected override onStart(): void {
    if (this.trouble !== undefined) {
      this.#tryAgain(this.trouble);
    }
  }

  protected override async onStop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.workers.stop();
    await this.#check?.catch(() => undefined);
    await this.store.close();
  }

  /** Once: a database user without the right to make tables stays one. */
  #tellInstallation(reason: string): void {
    if (this.#installationTold !== reason) {
      this.#installationTold = reason;
      this.#bus.emit('store.error', {
        site: this.name,
        reason: `whether the database is a copy cannot be told: ${reason}`,
        temporary: true,
      });
    }
  }

  #tryAgain(reason: string): void {
    if (this.#timer || this.#stopped) {
      return;
    }
    const pause = this.#backoff.next();
    if (this.#told?.reason !== reason || performance.now() - this.#told.at >= reminder) {
      this.#told = { reason, at: performance.now() };
      this.#bus.emit('site.cannot-boot', { site: this.name, reason, retryMs: pause });
    }
    this.#teller.began(siteTrouble(reason), { uri: this.name, reason });
    this.#timer = setTimeout(() => void this.#attempt(), pause);
  }

  async #attempt(): Promise<void> {
    const reason = await this.check();
    this.#timer = undefined;
    if (this.#stopped) {
      return;
    }
    if (reason !== undefined) {
      this.trouble = reason;
      this.#tryAgain(reason);
      return;
    }
    this.trouble = undefined;
    this.#told = undefined;
    this.#backoff.reset();
    this.#teller.over();
    this.#bus.emit('site.recovered', { site: this.name });
    this.onRecovered();
  }

  /** Why runs cannot be claimed although the site boots. */
  async #refusesChanges(): Promise<string | undefined> {
    try {
      await this.store.tryWriting();
      return undefined;
    } catch (error) {
      // What stays until somebody grants it is told by others, and by each run.
      return isTemporary(error) ? databaseReason(error) : undefined;
    }
  }

  async #describe(): Promise<string | undefined> {
    try {
      const answer = await describeSite(this.source, this.place, this.uris[0], this.#bus, this.#bootTimeout);
      this.seenSettings = answer.settings ?? this.seenSettings;
      if (answer.facts) {
        this.facts = answer.facts;
        return await this.#refusesChanges();
      }
      if (answer.failure) {
        return bootReason(answer.failure);
      }
      return `${answer.problem?.what ?? 'unknown'}: ${answer.problem?.detail ?? ''}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
