import type { Command } from 'commander';
import pc from 'picocolors';
import type { Config } from '../config/config.js';
import { fail, isError } from '../errors.js';
import { ControlClient, type DaemonStatus, type Finding } from '../http/control-client.js';
import { wantsColour, writeJson, type CommandIo } from './io.js';
import { shimFolder } from '../support/package.js';
import { addServeOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';

/** `drupald doctor`: what would stop the sites from working; exit code 1 when something does. */
export function addDoctorCommand(program: Command, io: CommandIo, setExitCode: (code: number) => void): void {
  addServeOptions(
    program.command('doctor').description('Say what would stop the sites from working, each with its remedy.'),
  )
    .option('--web', "also ask through the web server, and say what its PHP has that the workers' has not")
    .option('--to <url>', "with --web: address of the web server, when the site's own does not lead to it from here")
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const { findings, running } = await examine(config, options, io);
      if (options.json === true) writeJson(io, { running, findings });
      else io.stdout.write(`${formatFindings(findings, running, wantsColour(io.stdout, io.env))}\n`);
      if (findings.some(({ level }) => level === 'problem')) setExitCode(1);
    });
}

/** Asks the running daemon; without one, looks at the configured sites itself. */
async function examine(
  config: Config,
  options: ParsedOptions,
  io: CommandIo,
): Promise<{ findings: readonly Finding[]; running: boolean }> {
  const { examineSites } = await import('../doctor/examine.js');
  const web = options.web === true ? { to: textOption(options, 'to') } : undefined;
  try {
    const client = new ControlClient(stateDirOf(config, io));
    const findings = [...(await client.doctor())];
    const others = notServed(config, await client.status());
    if (others.sites.length > 0) {
      const { finding } = await import('../doctor/findings.js');
      findings.push(
        ...others.sites.map(({ root, uris }) => finding('not-served', { root, uris: uris.join(', ') })),
        ...(await examineSites(others, shimFolder, {})),
      );
    }
    if (web && config.sites.length === 0) throw fail('CONFIG_MISSING', { detail: '--web needs to know the site' });
    if (web) findings.push(...(await examineSites(config, shimFolder, { web, webOnly: true })));
    return { findings, running: true };
  } catch (error) {
    if (!isError(error, 'DAEMON_NOT_RUNNING') || config.sites.length === 0) throw error;
  }
  return { findings: await examineSites(config, shimFolder, { web }), running: false };
}

/** The named sites that the running daemon does not serve. */
function notServed(config: Config, { sites }: DaemonStatus): Config {
  const served = (root: string, uri: string): boolean =>
    sites.some((site) => site.root === root && site.uris.some((known) => known.toLowerCase() === uri.toLowerCase()));
  return { ...config, sites: config.sites.filter(({ root, uris }) => !uris.every((uri) => served(root, uri))) };
}

/** Findings as text for people. */
export function formatFindings(findings: readonly Finding[], running: boolean, colour: boolean): string {
  const colours = pc.createColors(colour);
  const marks = { ok: colours.green('ok     '), warn: colours.yellow('warning'), problem: colours.red('problem') };
  const lines = findings.flatMap(({ level, title, remedy }) =>
    remedy === undefined || level === 'ok'
      ? [`${marks[level]}  ${title}`]
      : [`${marks[level]}  ${title}`, `         ${colours.dim(remedy)}`],
  );
  if (!running) lines.unshift('No daemon runs; the sites were looked at without one.');
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  lines.push(
    '',
    `${String(problems)} problem${problems === 1 ? '' : 's'}, ${String(warnings)} warning${warnings === 1 ? '' : 's'}`,
  );
  return lines.join('\n');
}
