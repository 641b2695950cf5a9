import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import type { ListedDaemon } from '../store/owner-table.js';

/** The daemons of one site. */
export interface DaemonsOf {
  readonly site: string;
  readonly daemons: (ListedDaemon & { readonly asked: boolean })[];
  /** Why they cannot be told; null: they are. */
  readonly reason: string | null;
}

/** Which daemons there are for each of these sites, as its database lists them. */
export function listDaemons(sites: readonly Pick<ServedSite, 'name' | 'ownership'>[]): Promise<DaemonsOf[]> {
  return Promise.all(
    sites.map(async ({ name, ownership }) => {
      try {
        const listed = await ownership.daemons();
        const daemons = (listed?.daemons ?? []).map((daemon) => ({ ...daemon, asked: daemon.id === ownership.id }));
        const reason = listed ? null : 'the database user may not make the table in which daemons tell of themselves';
        return { site: name, daemons, reason };
      } catch (error) {
        return { site: name, daemons: [], reason: databaseReason(error) };
      }
    }),
  );
}
