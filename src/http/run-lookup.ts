import { fail } from '../errors.js';
import type { RunHistory } from '../outcome/run-history.js';
import type { Dispatch } from '../scheduler/dispatch.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { parseSiteUri, type SiteUri } from '../sites/site-uri.js';

/** Where runs are looked up. */
export interface RunSources {
  readonly sites: readonly ServedSite[];
  readonly scheduler: Pick<Scheduler, 'running' | 'allWaiting' | 'restOf' | 'has'>;
  readonly history: Pick<RunHistory, 'find'>;
  /** Logs that stay. */
  readonly keep: number;
}

/**
 * The site with this address, however it is spelled, with its scheme or without; undefined without one: all are meant.
 *
 * @throws DrupaldError SITE_UNKNOWN
 */
export function siteNamed({ sites }: Pick<RunSources, 'sites'>, name: string | undefined): ServedSite | undefined {
  if (name === undefined) {
    return undefined;
  }
  const anyScheme = !name.includes('://');
  const wanted = spelled(name);
  const found = sites.find((site) =>
    site.uris.some(
      (uri) => uri.url === wanted?.url || (anyScheme && uri.host === wanted?.host && uri.basePath === wanted.basePath),
    ),
  );
  if (!found) {
    throw fail('SITE_UNKNOWN', { site: name, known: sites.map((site) => site.name).join(', ') });
  }
  return found;
}

function spelled(name: string): SiteUri | undefined {
  try {
    return parseSiteUri(name);
  } catch {
    return undefined;
  }
}

/** Runs of a handle that are in hand, of one site or of all. */
export function runningRuns({ scheduler }: RunSources, handle: string, site: ServedSite | undefined): RunRecord[] {
  return scheduler.running.filter(({ dispatch }) => dispatch.handle === handle && (!site || dispatch.site === site));
}

/** Starts of a handle that wait, of one site or of all. */
export function waitingRuns({ scheduler }: RunSources, handle: string, site: ServedSite | undefined): Dispatch[] {
  return scheduler.allWaiting().filter((one) => one.handle === handle && (!site || one.site === site));
}
