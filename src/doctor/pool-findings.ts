import { isAlive, silentHosts } from '../pool/neighbours.js';
import type { ServedSite } from '../scheduler/served-site.js';
import type { SiteFacts } from '../sites/description.js';
import { databaseReason } from '../store/database.js';
import type { ListedDaemon } from '../store/owner-table.js';
import { formatDuration } from '../support/duration.js';
import { finding, type Finding } from './findings.js';

/** Seconds without a sign of life, where nobody takes over. */
const patience = 60;

/** What of a site these findings need. */
export interface ExaminedPool {
  readonly name: string;
  readonly store: Pick<ServedSite['store'], 'waitingByHost'>;
  readonly ownership: Pick<ServedSite['ownership'], 'lookAtDaemons'>;
}

/**
 * Whether the daemons of a site do their part.
 *
 * @param takeOver milliseconds
 * @param serves names of the service hosts that the examined daemon serves, which need not run
 */
export async function poolFindings(
  site: ExaminedPool,
  { serviceGroups }: Pick<SiteFacts, 'serviceGroups'>,
  takeOver: number | 'off',
  serves: readonly string[],
): Promise<Finding[]> {
  try {
    const listed = await site.ownership.lookAtDaemons();
    const daemons = listed?.daemons ?? [];
    const limit = takeOver === 'off' ? patience : takeOver / 1000;
    const living = daemons.filter((daemon) => isAlive(daemon, limit));
    const served = new Set([...serves, ...living.flatMap((daemon) => [...daemon.serves])]);
    return [
      ...(await silentFindings(site, daemons, limit)),
      ...sharedFindings(site.name, living),
      ...Object.entries(serviceGroups)
        .filter(([, hosts]) => !hosts.some((host) => served.has(host)))
        .map(([group, hosts]) => finding('group-unserved', { site: site.name, group, hosts: hosts.join(', ') })),
    ];
  } catch (error) {
    return [finding('database-away', { site: site.name, reason: databaseReason(error) })];
  }
}

/** Daemons that are gone while starts wait for them, and nobody else serves their hosts. */
async function silentFindings(site: ExaminedPool, daemons: readonly ListedDaemon[], limit: number): Promise<Finding[]> {
  const silent = daemons.filter((daemon) => !isAlive(daemon, limit));
  const waiting = silent.length === 0 ? new Map<string, number>() : await site.store.waitingByHost();
  const findings: Finding[] = [];
  for (const { serves, host, address, silence } of silent) {
    const hosts = silentHosts(serves, daemons, limit);
    const count = hosts.reduce((sum, name) => sum + (waiting.get(name) ?? 0), 0);
    if (count > 0) {
      const since = formatDuration(Math.abs(silence) * 1000);
      findings.push(
        finding('daemon-silent', { site: site.name, host, address, hosts: hosts.join(', '), since, count }),
      );
    }
  }
  return findings;
}

function sharedFindings(site: string, living: readonly ListedDaemon[]): Finding[] {
  const names = new Set(living.flatMap(({ serves }) => [...serves]));
  return [...names].flatMap((host) => {
    const sharing = living.filter(({ serves }) => serves.includes(host));
    const addresses = sharing.map((daemon) => `${daemon.address} on ${daemon.host}`).join(', ');
    return sharing.length < 2 ? [] : [finding('service-host-shared', { site, host, addresses, count: sharing.length })];
  });
}
