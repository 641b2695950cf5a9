import { Option, type Command } from 'commander';
import { formatListen, type Config } from '../config/config.js';
import { fail, isError } from '../errors.js';
import { ControlClient, type Detached } from '../http/control-client.js';
import { shimFolder } from '../support/package.js';
import { writeJson, type CommandIo } from './io.js';
import { addServeOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';

/** `drupald detach`: gives what waits back to the sites; exit code 1 when some of it could not be given back. */
export function addDetachCommand(program: Command, io: CommandIo, setExitCode: (code: number) => void): void {
  addServeOptions(
    program
      .command('detach')
      .description(
        'Give all waiting starts back to the sites: by the running daemon, which then begins nothing new, or without one for the named sites.',
      ),
  )
    .addOption(new Option('--to <url>', "address of the web server, when the site's own does not lead to it from here"))
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const to = textOption(options, 'to');
      const { result, running } = await detach(config, to, io);
      if (options.json === true) writeJson(io, { running, ...result });
      else io.stdout.write(`${formatDetached(result, running)}\n`);
      if (result.left > 0) setExitCode(1);
    });
}

/** Asks the running daemon; without one, gives back what it left in the configured sites. */
async function detach(
  config: Config,
  to: string | undefined,
  io: CommandIo,
): Promise<{ result: Detached; running: boolean }> {
  const stateDir = stateDirOf(config, io);
  try {
    return { result: await new ControlClient(stateDir).detach(to), running: true };
  } catch (error) {
    if (!isError(error, 'DAEMON_NOT_RUNNING') || config.sites.length === 0) throw error;
  }
  const { answersAsDrupald } = await import('../http/alive.js');
  if (await answersAsDrupald(config.listen)) {
    // It keeps its state elsewhere; two must not act on the same rows.
    throw fail('DAEMON_ELSEWHERE', { address: formatListen(config.listen), folder: stateDir });
  }
  const { detachAlone } = await import('../liveness/detach-alone.js');
  return { result: { ...(await detachAlone(config, { shim: shimFolder, stateDir, to })) }, running: false };
}

/** The result in sentences. */
export function formatDetached(result: Detached, running: boolean): string {
  const lines = [
    result.handedBack === 1
      ? '1 waiting start was given back to its site, which has begun it.'
      : `${String(result.handedBack)} waiting starts were given back to their sites, which have begun them.`,
  ];
  if (!running) lines.unshift('No daemon runs; what one left waiting is given back without it.');
  if (result.gone > 0) lines.push(`${String(result.gone)} had been begun or removed meanwhile.`);
  if (result.left > 0) {
    lines.push(
      `${String(result.left)} still wait, because ${result.reason ?? 'the site did not begin them'}.`,
      `Name the address of the web server with --to, or ${running ? 'stop and start' : 'start'} drupald to let it run them.`,
    );
  } else if (running) {
    lines.push('drupald begins nothing new now. Stop it when "drupald ps" shows nothing running.');
  }
  return lines.join('\n');
}
