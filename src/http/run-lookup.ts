import { fail } from '../errors.js';
import type { RunHistory } from '../outcome/run-history.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';

/** Where runs are looked up. */
export interface RunSources {
  readonly sites: readonly ServedSite[];
  readonly scheduler: Pick<Scheduler, 'running' | 'allWaiting' | 'heldOf' | 'has'>;
  readonly history: Pick<RunHistory, 'find'>;
  /** Logs that stay. */
  readonly keep: number;
}

/**
 * The site with this name or address; undefined without one: all are meant.
 *
 * @throws DrupaldError SITE_UNKNOWN
 */
export function siteNamed({ sites }: RunSources, name: string | undefined): ServedSite | undefined {
  if (name === undefined) {
    return undefined;
  }
  const wanted = name.replace(/\/+$/, '').toLowerCase();
  const found = sites.find((site) =>
    [site.name, ...site.uris.map(({ url }) => url)].some((one) => one.toLowerCase() === wanted),
  );
  if (!found) {
    throw fail('SITE_UNKNOWN', { site: name, known: sites.map((site) => site.name).join(', ') });
  }
  return found;
}

/** Runs of a handle that are in hand, of one site or of all. */
export function runningRuns({ scheduler }: RunSources, handle: string, site: ServedSite | undefined): RunRecord[] {
  return scheduler.running.filter(({ dispatch }) => dispatch.handle === handle && (!site || dispatch.site === site));
}

/** Starts of a handle that wait, of one site or of all. */
export function waitingRuns({ scheduler }: RunSources, handle: string, site: ServedSite | undefined): Dispatch[] {
  return scheduler.allWaiting().filter((one) => one.handle === handle && (!site || one.site === site));
}
