import type { Config } from '../config/config.js';
import { execStatus } from '../process/states.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { databaseReason } from '../store/database.js';
import { ok, problem, warn, type Finding } from './findings.js';

/** Largest difference of clocks that disturbs nothing, in seconds. */
const clockTolerance = 2;

/** Connections of the daemon itself beside one for each run. */
const ownConnections = 6;

/** What the database of a site says: rights, room, clock, backlog. */
export async function databaseFindings(site: ServedSite, config: Config): Promise<Finding[]> {
  try {
    return [
      ...(await backlogFindings(site)),
      ...(await rightFindings(site)),
      ...(await roomFindings(site, config)),
      ...(await clockFindings(site)),
    ];
  } catch (error) {
    return [
      problem(
        `${site.name}: the database does not answer (${databaseReason(error)})`,
        'Check that the database server runs.',
      ),
    ];
  }
}

async function backlogFindings(site: ServedSite): Promise<Finding[]> {
  const counts = await site.store.counts();
  const number = (status: number): number => counts.get(status) ?? 0;
  return [
    ok(
      `${site.name}: processes running ${number(execStatus.running)}, waiting ${number(execStatus.queued)}, locked ${number(execStatus.locked)}`,
    ),
  ];
}

async function rightFindings(site: ServedSite): Promise<Finding[]> {
  const denied = await site.store.missingRights();
  return denied.map(({ table, reason }) =>
    problem(
      `${site.name}: the database user of the site may not change the table ${table} (${reason})`,
      'Grant it SELECT, INSERT, UPDATE and DELETE on that table.',
    ),
  );
}

/** The site comes first: its own pages need connections, too (design decision 11). */
async function roomFindings(site: ServedSite, config: Config): Promise<Finding[]> {
  const room = await site.store.connectionRoom();
  const wanted = config.slots + ownConnections;
  return wanted <= room / 3
    ? []
    : [
        warn(
          `${site.name}: ${config.slots} slots need up to ${wanted} database connections, more than a third of the ${room} that the server allows`,
          'Lower "slots", or raise max_connections (or max_user_connections) of the database server.',
        ),
      ];
}

async function clockFindings(site: ServedSite): Promise<Finding[]> {
  const offset = await site.store.clockOffset();
  return Math.abs(offset) <= clockTolerance
    ? []
    : [
        warn(
          `${site.name}: the clock of the database server differs by ${offset.toFixed(1)} s`,
          'Let both machines take their time from one server; limits by age are wrong by that much.',
        ),
      ];
}
