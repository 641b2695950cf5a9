import { Option, type Command } from 'commander';
import { ControlClient, type Detached } from '../http/control-client.js';
import { writeJson, type CommandIo } from './io.js';
import { addDaemonOptions, configFrom, stateDirOf, type ParsedOptions } from './options.js';

/** `drupald detach`: gives what waits back to the sites; exit code 1 when some of it could not be given back. */
export function addDetachCommand(program: Command, io: CommandIo, setExitCode: (code: number) => void): void {
  addDaemonOptions(
    program
      .command('detach')
      .description('Begin nothing new and give all waiting starts back to the sites. Run it before you stop for good.'),
  )
    .addOption(new Option('--to <url>', "address of the web server, when the site's own does not lead to it from here"))
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const to = typeof options.to === 'string' ? options.to : undefined;
      const result = await new ControlClient(stateDirOf(config, io)).detach(to);
      if (options.json === true) writeJson(io, result);
      else io.stdout.write(`${formatDetached(result)}\n`);
      if (result.left > 0) setExitCode(1);
    });
}

/** The result in sentences. */
export function formatDetached(result: Detached): string {
  const lines = [`${String(result.handedBack)} waiting starts were given back to their sites, which have begun them.`];
  if (result.gone > 0) lines.push(`${String(result.gone)} had been begun or removed meanwhile.`);
  if (result.left > 0) {
    lines.push(
      `${String(result.left)} still wait, because ${result.reason ?? 'the site did not begin them'}.`,
      'Name the address of the web server with --to, or stop and start drupald to let it run them.',
    );
  } else {
    lines.push('drupald begins nothing new now. Stop it when "drupald ps" shows nothing running.');
  }
  return lines.join('\n');
}
