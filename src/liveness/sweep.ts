import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { EventBus } from '../events/bus.js';
import type { AcceptedStart, StartTaker } from '../intake/accept-start.js';
import { lockedCallback } from '../process/callback-name.js';
import { execStatus } from '../process/states.js';
import type { HostMap } from '../sites/host-map.js';
import { servedHosts, type ListenAddress } from '../sites/service-hosts.js';
import { databaseReason } from '../store/database.js';
import type { ProcessRow } from '../store/process-store.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { asStart } from './found-start.js';
import type { StartNotes } from './start-notes.js';

/** Milliseconds between two sweeps. */
const interval = 5_000;

/** Who takes what a sweep finds. */
export interface SweepTaker extends StartTaker<ServedSite> {
  /** Whether this start waits here, runs, or is being given back. */
  knows(row: Pick<ProcessRow, 'handle' | 'stamp'>): boolean;
}

/** A backlog that other daemons share. */
export interface SweepSharing {
  /** Whether a start of ours that waits is there, unless this daemon has it. */
  has(site: ServedSite, row: ProcessRow): boolean;
  /**
   * Sees to it that these are there, and nothing else of ours.
   *
   * @param starts all that waits with our service hosts and that nobody here knows
   * @param read when their rows were read, in monotonic milliseconds, and up to which stamp these are all;
   *   Infinity: they are all there were
   */
  reconcile(
    site: ServedSite,
    starts: readonly AcceptedStart<ServedSite>[],
    read: { readonly at: number; readonly until: number },
  ): Promise<void>;
}

/** Rows that one sweep reads at most. */
const batch = 10_000;

/**
 * Finds starts of ours in the database that no request announced: those that
 * waited when the last daemon stopped, and those that were sent while none listened.
 *
 * A row of status 1 is left alone until it is older than max(10 s, 3 × the site's
 * connection timeout): on a refused connection the module deletes it without a fence
 * (contract §6a). Rows that wait with our service host are taken at the first sweep; later
 * ones are in our own list already, unless it has lost them, or could not take them all:
 * those that it does not know in two sweeps in a row are taken, too. Where daemons share a
 * backlog, these are put there again instead, when they are not there.
 */
export class Sweep extends BaseComponent {
  readonly name = 'sweep';
  readonly #sites: readonly ServedSite[];
  readonly #hosts: HostMap<ServedSite>;
  readonly #listen: ListenAddress;
  readonly #taker: SweepTaker;
  readonly #bus: EventBus;
  readonly #notes: StartNotes;
  readonly #sharing: SweepSharing | undefined;
  /** Seconds since 1970 at which this daemon began. */
  readonly #since = Date.now() / 1000;
  readonly #waitingSeen = new Set<ServedSite>();
  /** Waiting rows that nobody knew at the last sweep. */
  readonly #strays = new Map<ServedSite, ReadonlySet<string>>();
  readonly #sweeps = new Repeated(() => this.#sweep());

  constructor(options: {
    sites: readonly ServedSite[];
    hosts: HostMap<ServedSite>;
    listen: ListenAddress;
    taker: SweepTaker;
    bus: EventBus;
    notes: StartNotes;
    sharing?: SweepSharing | undefined;
  }) {
    super();
    this.#sites = options.sites;
    this.#hosts = options.hosts;
    this.#listen = options.listen;
    this.#taker = options.taker;
    this.#bus = options.bus;
    this.#notes = options.notes;
    this.#sharing = options.sharing;
  }

  protected override async onStart(): Promise<void> {
    await this.#sweep();
    this.#sweeps.start(interval);
  }

  protected override onStop(): Promise<void> {
    return this.#sweeps.stop();
  }

  /** Looks again at what waited before: a copied database has been adopted. */
  async again(): Promise<void> {
    this.#waitingSeen.clear();
    await this.#sweeps.idle();
    await this.#sweep();
  }

  async #sweep(): Promise<void> {
    for (const site of this.#sites) {
      if (site.facts && site.trouble === undefined) {
        try {
          await this.#sweepSite(site, site.facts.connectionTimeout);
        } catch (error) {
          this.#bus.emit('store.error', { site: site.name, reason: databaseReason(error), temporary: true });
        }
      }
    }
  }

  async #sweepSite(site: ServedSite, connectionTimeout: number): Promise<void> {
    const hosts = site.facts?.serviceHosts ?? {};
    const own = servedHosts(hosts, this.#listen, site.config.serves);
    const names = [...new Set([...own, ...this.#notes.hostsOf(site.name)])];
    const before = Date.now() / 1000 - Math.max(10, 3 * connectionTimeout);
    const at = performance.now();
    const found = await site.store.unclaimed(names, before, batch);
    const copied = (await site.lookAtInstallation()) === 'copied';
    // Of a copied database only what was started since is ours to run.
    const rows = copied ? found.filter((row) => Number(row.stamp) > this.#since) : found;
    const first = !this.#waitingSeen.has(site);
    this.#waitingSeen.add(site);
    const strays = new Set<string>();
    const sharing = this.#sharing;
    const toShare: AcceptedStart<ServedSite>[] = [];
    let taken = 0;
    for (const row of rows) {
      // One that has just begun, or ended, was still waiting when the rows were read.
      const isStray = row.status === execStatus.queued && !this.#taker.knows(row);
      if (isStray && row.callback !== lockedCallback && sharing?.has(site, row)) {
        toShare.push(this.#startOf(site, row));
        continue;
      }
      if (isStray) {
        strays.add(keyOf(row));
      }
      const isLost = isStray && this.#strays.get(site)?.has(keyOf(row)) === true;
      if (row.callback !== lockedCallback && (first || isLost || row.status === execStatus.locked)) {
        const offer = await this.#taker.offer(this.#startOf(site, row));
        taken += offer === 'taken' ? 1 : 0;
      }
    }
    this.#strays.set(site, strays);
    if (sharing) {
      const youngest = found.at(-1);
      const until = youngest && found.length >= batch ? Number(youngest.stamp) : Infinity;
      await sharing.reconcile(site, toShare, { at, until });
    }
    if (taken > 0) {
      this.#bus.emit('sweep.found', { site: site.name, count: taken });
    }
  }

  #startOf(site: ServedSite, row: ProcessRow): AcceptedStart<ServedSite> {
    const httpHost = site.facts?.serviceHosts[row.serviceHost]?.httpHost ?? '';
    return asStart(site, row, httpHost, this.#hosts, this.#notes);
  }
}

function keyOf({ handle, stamp }: Pick<ProcessRow, 'handle' | 'stamp'>): string {
  return `${stamp} ${handle}`;
}
