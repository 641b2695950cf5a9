import { BaseComponent } from '../components/component.js';
import type { PastRun, RunFilter } from '../process/ended-run.js';
import type { Ending } from './past-runs.js';
import type { SiteHistory } from './site-history.js';

/** Something about a site's history that people should know. */
export interface HistoryNote {
  readonly site: string;
  readonly text: string;
}

/** Past runs of several sites. */
export interface History {
  readonly runs: readonly PastRun[];
  readonly notes: readonly HistoryNote[];
}

/** The histories of all sites. */
export class RunHistory extends BaseComponent {
  readonly name = 'run-history';
  readonly #sites: ReadonlyMap<string, SiteHistory>;

  /** @param sites by the main address of the site */
  constructor(sites: ReadonlyMap<string, SiteHistory>) {
    super();
    this.#sites = sites;
  }

  /** Takes an ended run. Never throws and never waits. */
  add(ending: Ending): void {
    this.#sites.get(ending.run.site)?.add(ending);
  }

  /**
   * Past runs, newest first.
   *
   * @param site main address; all sites without one
   */
  async find(filter: RunFilter, site?: string): Promise<History> {
    const asked = [...this.#sites].filter(([name]) => site === undefined || name === site);
    const found = await Promise.all(asked.map(async ([name, history]) => ({ name, ...(await history.find(filter)) })));
    return {
      runs: found
        .flatMap(({ runs }) => runs)
        .sort((a, b) => b.ended - a.ended)
        .slice(0, filter.limit),
      notes: found.flatMap(({ name, note }) => (note === undefined ? [] : [{ site: name, text: note }])),
    };
  }

  protected override async onStart(): Promise<void> {
    await Promise.all([...this.#sites.values()].map((history) => history.start()));
  }

  protected override async onStop(): Promise<void> {
    await Promise.all([...this.#sites.values()].map((history) => history.stop()));
  }
}
