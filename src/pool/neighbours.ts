import type { ListedDaemon } from '../store/owner-table.js';

/** What decides from whom starts may be taken. */
export interface PoolRules {
  /** Names of service hosts, by their group. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
  /** Names of the service hosts that this daemon serves. */
  readonly own: readonly string[];
  /** Further service hosts, by the daemon's settings. */
  readonly named: readonly string[];
}

/** Service hosts of others whose starts this daemon may run: those that share a group with one of its own, and those named. */
export function neighboursOf({ groups, own, named }: PoolRules): string[] {
  const shared = Object.values(groups).filter((hosts) => hosts.some((host) => own.includes(host)));
  return [...new Set([...shared.flat(), ...named])].filter((host) => !own.includes(host));
}

/** Under which of its own names this daemon takes what was sent to a neighbour: one of the same group, where there is one. */
export function heirOf(host: string, { groups, own }: Pick<PoolRules, 'groups' | 'own'>): string | undefined {
  const together = Object.values(groups).filter((hosts) => hosts.includes(host));
  return own.find((name) => together.some((hosts) => hosts.includes(name))) ?? own[0];
}

/** Whether a daemon has given a sign of life lately, in seconds. A sign from the future is older than a clock that was set back. */
export function isAlive({ silence }: Pick<ListedDaemon, 'silence'>, patience: number): boolean {
  return Math.abs(silence) < patience;
}

/**
 * Of these service hosts, those that no daemon serves which has given a sign of life lately.
 *
 * @param patience seconds
 */
export function silentHosts(hosts: readonly string[], daemons: readonly ListedDaemon[], patience: number): string[] {
  const served = new Set(daemons.filter((daemon) => isAlive(daemon, patience)).flatMap(({ serves }) => [...serves]));
  return hosts.filter((host) => !served.has(host));
}

/** Of these service hosts, those at whose daemons starts wait for a slot. */
export function busyHosts(hosts: readonly string[], daemons: readonly ListedDaemon[]): string[] {
  const busy = new Set(daemons.filter(({ waiting }) => waiting > 0).flatMap(({ serves }) => [...serves]));
  return hosts.filter((host) => busy.has(host));
}
