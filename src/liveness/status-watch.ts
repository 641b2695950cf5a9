import { BaseComponent } from '../components/component.js';
import { Repeated } from '../components/repeated.js';
import type { ModStatusMode } from '../config/config.js';
import type { EventBus } from '../events/bus.js';
import { unlockVanished } from '../outcome/unlock.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { servedHosts, statusPageOf, type ListenAddress, type PageAddress } from '../sites/service-hosts.js';
import { databaseReason } from '../store/database.js';
import type { ProcessRow } from '../store/process-store.js';
import { StatusMemory } from './status-memory.js';
import { moduleVerdict } from './module-rule.js';
import { StartAnswerer } from './start-answerer.js';
import type { StartNotes } from './start-notes.js';
import { StatusSource } from './status-source.js';
import { judge, type ForeignHost, type Verdict } from './status-verdict.js';

/** Rows that one sweep reads of a site at most: the oldest, so that each has its turn. */
const batch = 1_000;

/** Sweeps in a row that must find a process gone before it counts. */
const needed = 2;

export interface StatusWatchOptions {
  readonly sites: readonly ServedSite[];
  readonly listen: ListenAddress;
  readonly notes: Pick<StartNotes, 'hostsOf'>;
  readonly bus: EventBus;
  readonly mode: ModStatusMode;
  /** Milliseconds between two sweeps. */
  readonly interval: number;
  /** Milliseconds that a helper may take to unlock. */
  readonly unlockTimeout: number;
}

/** A service host of others, with the Host header of its status page. */
type WatchedHost = ForeignHost & { readonly page: PageAddress };

/**
 * Watches processes that other service hosts run under Apache, by its server-status
 * page: mixed use, or a migration. A host `www1` is watched if there is a service host
 * `www1_ass` (contract §4). Rows of hosts without such a twin are left alone, and so is
 * everything whose starts come to this daemon, also by a rule of the web server.
 *
 * A row is unlocked only after two sweeps have found it gone under the same stamp.
 */
export class StatusWatch extends BaseComponent {
  readonly name = 'status-watch';
  readonly #options: StatusWatchOptions;
  readonly #memory = new StatusMemory();
  readonly #answerer = new StartAnswerer();
  readonly #sweeps = new Repeated(() => this.#sweep());

  constructor(options: StatusWatchOptions) {
    super();
    this.#options = options;
  }

  protected override onStart(): void {
    if (this.#options.mode !== 'off') {
      this.#sweeps.start(this.#options.interval);
    }
  }

  protected override onStop(): Promise<void> {
    return this.#sweeps.stop();
  }

  async #sweep(): Promise<void> {
    const source = new StatusSource();
    this.#memory.begin();
    for (const site of this.#options.sites) {
      try {
        await this.#sweepSite(site, source);
      } catch (error) {
        this.#options.bus.emit('store.error', { site: site.name, reason: databaseReason(error), temporary: true });
      }
    }
    this.#memory.end();
  }

  async #sweepSite(site: ServedSite, source: StatusSource): Promise<void> {
    const hosts = this.#watchedHosts(site);
    // A copied database names the processes of another place.
    if (
      !site.facts ||
      site.trouble !== undefined ||
      hosts.size === 0 ||
      (await site.lookAtInstallation()) === 'copied'
    ) {
      return;
    }
    const before = Date.now() / 1000 - site.facts.statusMaxAge;
    // Before the pages: what a page does not show must have been claimed before it was made.
    const rows = await site.store.runningOf([...hosts.keys()], before, batch);
    for (const name of new Set(rows.map((row) => row.serviceHost))) {
      // All at once: one that does not answer must not hold up the others.
      const host = hosts.get(name);
      void (host && source.read(host.page));
    }
    const counts = { alive: 0, gone: 0, unknown: 0 };
    for (const row of rows) {
      const host = hosts.get(row.serviceHost);
      if (host) {
        counts[await this.#look(site, row, host, source)] += 1;
      }
    }
    if (counts.alive + counts.gone + counts.unknown > 0) {
      this.#options.bus.emit('status.swept', { site: site.name, ...counts });
    }
  }

  /** Service hosts of others that have a twin with a status page. */
  #watchedHosts(site: ServedSite): Map<string, WatchedHost> {
    const all = site.facts?.serviceHosts ?? {};
    const { listen, notes } = this.#options;
    const own = new Set([...servedHosts(all, listen, site.config.serves), ...notes.hostsOf(site.name)]);
    const watched = new Map<string, WatchedHost>();
    for (const [name, { baseUrl, httpHost }] of Object.entries(all)) {
      const page = statusPageOf(all, name);
      if (page && !own.has(name)) {
        watched.set(name, { baseUrl, httpHost, statusUrl: page.url, page });
      }
    }
    return watched;
  }

  async #look(site: ServedSite, row: ProcessRow, host: WatchedHost, source: StatusSource): Promise<Verdict['verdict']> {
    const { bus } = this.#options;
    const { handle, token, callback, serviceHost } = row;
    const { page, readAt } = await source.read(host.page);
    const run = { handle, token, startedAt: Number(row.stamp) };
    const verdict = await this.#doubt(host, judge(run, host, page, readAt));
    const event = { site: site.name, handle, callback, serviceHost, ...verdict };
    const finding = this.#memory.note(`${site.name} ${row.stamp} ${handle}`, verdict);
    if (finding.changed) {
      bus.emit('status.judged', event);
    }
    const theirs = page.kind === 'page' ? moduleVerdict(run, host, page) : 'unknown';
    if (verdict.verdict !== 'unknown' && theirs !== verdict.verdict && !finding.differenceTold) {
      finding.differenceTold = true;
      bus.emit('status.differs', { ...event, moduleVerdict: theirs });
    }
    if (finding.goneInARow >= needed) {
      if (this.#options.mode === 'unlock') {
        await this.#unlock(site, row, event);
      } else if (finding.goneInARow === needed) {
        bus.emit('status.gone', event);
      }
    }
    return verdict.verdict;
  }

  /** A process that Apache does not list may run under a drupald to which Apache hands starts on. */
  async #doubt(host: ForeignHost, verdict: Verdict): Promise<Verdict> {
    const isDrupald = verdict.verdict === 'gone' ? await this.#answerer.isDrupald(host) : false;
    if (isDrupald === false) {
      return verdict;
    }
    return {
      verdict: 'unknown',
      evidence: isDrupald
        ? 'Its starts are answered by a drupald, whose processes are on no page of Apache.'
        : 'No connection carries it, but its service host does not answer, so who runs its processes cannot be told.',
    };
  }

  async #unlock(
    site: ServedSite,
    { stamp }: ProcessRow,
    event: { handle: string; callback: string; serviceHost: string } & Verdict,
  ): Promise<void> {
    const { bus, unlockTimeout: timeout } = this.#options;
    const { handle, serviceHost } = event;
    const sentence = `Its PHP under the web server ${serviceHost} is gone: the server-status page showed twice that no connection carries it.`;
    try {
      const tools = { source: site.source, place: site.place, bus, timeout };
      if (await unlockVanished(tools, { uri: site.uris[0], handle, stamp, sentence })) {
        bus.emit('status.unlocked', event);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      bus.emit('status.unlock-failed', { site: site.name, handle, reason });
    }
  }
}
