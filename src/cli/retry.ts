import type { Command } from 'commander';
import { ControlClient } from '../http/control-client.js';
import { printable, writeJson, type CommandIo } from './io.js';
import { addDaemonOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';

/** `drupald retry`: lets a process go that was set aside because it crashed again and again. */
export function addRetryCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(
    program
      .command('retry')
      .argument('<handle>', 'name of the process, as "drupald ps" shows it')
      .description('Start a process that was set aside because it crashed again and again.'),
  )
    .option('--site <url>', 'one of the addresses of the site, where several have a process of this name')
    .option('--json', 'print JSON')
    .action(async (handle: string, options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const site = textOption(options, 'site');
      const sites = await new ControlClient(stateDirOf(config, io)).retry({
        handle,
        ...(site === undefined ? {} : { site }),
      });
      if (options.json === true) writeJson(io, { handle, sites });
      else io.stdout.write(`${printable(handle)} is started again.\n`);
    });
}
