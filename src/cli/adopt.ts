import type { Command } from 'commander';
import { ControlClient } from '../http/control-client.js';
import { writeJson, type CommandIo } from './io.js';
import { addDaemonOptions, configFrom, stateDirOf, type ParsedOptions } from './options.js';

/** `drupald adopt`: lets the daemon run what waits in a copied database. */
export function addAdoptCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(
    program
      .command('adopt')
      .description('Let the daemon run what already waits in a database that was copied from another place.'),
  )
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const adopted = await new ControlClient(stateDirOf(config, io)).adopt();
      if (options.json === true) writeJson(io, { adopted });
      else if (adopted.length === 0) io.stdout.write('No database is a copy; there is nothing to adopt.\n');
      else io.stdout.write(`Adopted: ${adopted.join(', ')}. What waits there runs now.\n`);
    });
}
