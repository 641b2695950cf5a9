import type { Config } from '../config/config.js';
import type { EventBus } from '../events/bus.js';
import { RunHistory } from '../outcome/run-history.js';
import { secretsOf } from '../outcome/secrets.js';
import { SiteHistory } from '../outcome/site-history.js';
import type { Ledger } from '../store/ledger.js';
import type { ServedSite } from './served-site.js';

/** The history of the runs of all sites, each in its own database, with what the last daemon left for it. */
export function openHistory(
  sites: readonly ServedSite[],
  limits: Config['history'],
  bus: EventBus,
  ledger: Ledger,
): RunHistory {
  const history = new RunHistory(
    new Map(
      sites.map((site) => [
        site.name,
        new SiteHistory({
          ...limits,
          bus,
          onKept: (ids) => ledger.kept(ids),
          site: site.name,
          table: site.runs,
          secrets: secretsOf(site.settings.databases, site.config.env),
        }),
      ]),
    ),
  );
  for (const { run, log } of ledger.endings) {
    // Its secret went with its row.
    history.add({ run, log, token: '' });
  }
  return history;
}
