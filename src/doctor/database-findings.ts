import { leastSlots } from '../scheduler/slots.js';
import type { Config } from '../config/config.js';
import { execStatus } from '../process/states.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason, isDenied } from '../store/database.js';
import { finding, type Finding } from './findings.js';

/** Largest difference of clocks that disturbs nothing, in seconds. */
export const clockTolerance = 2;

/** Connections of the daemon itself beside one for each run. */
const ownConnections = 6;

/** What of a site these findings need. */
export interface ExaminedStore {
  readonly name: string;
  readonly store: Pick<ServedSite['store'], 'counts' | 'tableTroubles' | 'connectionRoom' | 'clockOffset'>;
  readonly runs: Pick<ServedSite['runs'], 'name' | 'look'>;
}

/** What of the configuration they need. */
export type DatabaseWishes = Pick<Config, 'slots' | 'history'>;

/** What the database of a site says: tables, rights, room, clock, backlog. */
export async function databaseFindings(site: ExaminedStore, config: DatabaseWishes): Promise<Finding[]> {
  try {
    const troubles = await tableFindings(site);
    // Without its tables there is nothing to count.
    const counted = troubles.some(({ code }) => code === 'table-missing') ? [] : await backlogFindings(site);
    return [
      ...counted,
      ...troubles,
      ...(await historyFindings(site, config)),
      ...(await roomFindings(site, config)),
      ...(await clockFindings(site)),
    ];
  } catch (error) {
    return [finding('database-away', { site: site.name, reason: databaseReason(error) })];
  }
}

async function backlogFindings(site: ExaminedStore): Promise<Finding[]> {
  const counts = await site.store.counts();
  const number = (status: number): number => counts.get(status) ?? 0;
  return [
    finding('processes', {
      site: site.name,
      running: number(execStatus.running),
      waiting: number(execStatus.queued),
      locked: number(execStatus.locked),
    }),
  ];
}

async function tableFindings(site: ExaminedStore): Promise<Finding[]> {
  const troubles = await site.store.tableTroubles();
  return troubles.map(({ table, trouble, detail }) => {
    switch (trouble) {
      case 'missing':
        return finding('table-missing', { site: site.name, table });
      case 'denied':
        return finding('rights-missing', { site: site.name, table, reason: detail });
      case 'engine':
        return finding('table-engine', { site: site.name, table, engine: detail });
    }
  });
}

/** Looks only; the daemon makes the table. */
async function historyFindings({ name, runs }: ExaminedStore, config: DatabaseWishes): Promise<Finding[]> {
  if (config.history.maxCount === 0) {
    return [];
  }
  try {
    await runs.look();
    return [];
  } catch (error) {
    if (!isDenied(error)) {
      throw error;
    }
    return [finding('history-in-memory', { site: name, table: runs.name, reason: databaseReason(error) })];
  }
}

/** The site comes first: its own pages need connections, too (design decision 11). */
async function roomFindings(site: ExaminedStore, config: DatabaseWishes): Promise<Finding[]> {
  const room = await site.store.connectionRoom();
  const slots = config.slots === 'auto' ? leastSlots() : config.slots;
  const wanted = slots + ownConnections;
  return wanted <= room / 3 ? [] : [finding('connections', { site: site.name, slots, wanted, room })];
}

async function clockFindings(site: ExaminedStore): Promise<Finding[]> {
  const offset = await site.store.clockOffset();
  return Math.abs(offset) <= clockTolerance ? [] : [finding('clock', { site: site.name, offset: offset.toFixed(1) })];
}
