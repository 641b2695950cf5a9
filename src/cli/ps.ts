import type { Command } from 'commander';
import { ControlClient, type DaemonStatus, type SiteDaemons } from '../http/control-client.js';
import { formatDuration } from '../support/duration.js';
import { printable, wantsColour, writeJson, type CommandIo } from './io.js';
import { addDaemonOptions, configFrom, stateDirOf, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

/** `drupald ps`: what runs and what waits. */
export function addPsCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(program.command('ps').description('Show sites, running processes and waiting starts of a daemon.'))
    .option('--all', 'show every daemon of the sites, as their databases list them')
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const client = new ControlClient(stateDirOf(config, io));
      if (options.all === true) {
        const sites = await client.daemons();
        if (options.json === true) writeJson(io, { sites });
        else io.stdout.write(`${formatDaemons(sites, wantsColour(io.stdout, io.env))}\n`);
        return;
      }
      const status = await client.status();
      if (options.json === true) writeJson(io, status);
      else io.stdout.write(`${formatStatus(status, wantsColour(io.stdout, io.env))}\n`);
    });
}

/** The status of a daemon as text for people. */
export function formatStatus(status: DaemonStatus, colour: boolean, now = Date.now()): string {
  const { daemon } = status;
  const since = new Date(daemon.startedAt).getTime();
  const age = Number.isNaN(since) ? '' : `, up ${formatDuration(Math.max(0, now - since))}`;
  const running = status.sites.reduce((sum, site) => sum + site.running, 0);
  const parts = [
    `drupald ${daemon.version}, process ${String(daemon.pid)}, on ${daemon.listen}${age}: ` +
      `${daemon.state}, ${String(running)} running, ${String(status.waitingTotal)} waiting`,
  ];
  if (status.sites.length > 0) {
    const rows = status.sites.map((site) => [site.name, site.state, site.slots, site.running, site.waiting, site.held]);
    parts.push(formatTable(['SITE', 'STATE', 'SLOTS', 'RUNNING', 'WAITING', 'HELD'], rows, colour));
  }
  if (status.sharedBacklog) parts.push(...sharedLines(status.sharedBacklog));
  for (const { code, message, remedy } of status.troubles) parts.push(printable(`${code}: ${message} ${remedy}`));
  for (const site of status.sites) {
    if (site.unsettled > 0)
      parts.push(`${site.name}: ${String(site.unsettled)} ended and cannot be told to the site yet.`);
  }
  for (const site of status.sites) if (site.reason) parts.push(printable(`${site.name}: ${site.reason}`));
  if (status.runs.length > 0) {
    const rows = status.runs.map((run) => [
      run.handle,
      run.callback,
      run.site,
      run.state,
      run.pid,
      typeof run.waitedMs === 'number' ? formatDuration(run.waitedMs) : null,
      typeof run.ranMs === 'number' ? formatDuration(run.ranMs) : null,
    ]);
    parts.push(formatTable(['HANDLE', 'CALLBACK', 'SITE', 'STATE', 'PID', 'WAITED', 'RAN'], rows, colour));
    for (const { handle, reason } of status.runs)
      if (typeof reason === 'string') parts.push(printable(`${handle}: ${reason}`));
  } else {
    parts.push('Nothing runs.');
  }
  return parts.join('\n\n');
}

/** What waits where any daemon may take it. */
function sharedLines({ address, state, sites }: NonNullable<DaemonStatus['sharedBacklog']>): string[] {
  if (state === 'away') return [printable(`The shared backlog on ${address} is away: starts wait here alone.`)];
  return sites.map(({ site, waiting, active, own }) =>
    printable(
      `Shared backlog of ${site} on ${address}: ${String(waiting)} waiting (${String(own)} of them sent to this daemon), ${String(active)} in hand.`,
    ),
  );
}

/** The daemons of each site as text for people. */
export function formatDaemons(sites: readonly SiteDaemons[], colour: boolean): string {
  const headings = ['HOST', 'PROCESS', 'LISTENS ON', 'SERVES', 'SLOTS', 'RUNNING', 'WAITING', 'LAST SIGN', 'STATE'];
  return sites
    .flatMap(({ site, daemons, reason }) => {
      const rows = daemons.map((daemon) => [
        daemon.host,
        daemon.pid,
        daemon.address,
        daemon.serves.join(', '),
        daemon.slots,
        daemon.running,
        daemon.waiting,
        `${formatDuration(Math.max(0, daemon.silence) * 1000)} ago`,
        daemon.asked ? `${daemon.state} (this one)` : daemon.state,
      ]);
      return [printable(reason === null ? site : `${site}: ${reason}`), formatTable(headings, rows, colour)];
    })
    .join('\n\n');
}
