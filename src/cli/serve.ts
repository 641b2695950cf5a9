import type { Command } from 'commander';
import type { CommandIo } from './io.js';
import { addServeOptions, configFrom, type ParsedOptions } from './options.js';

/** `drupald serve`: runs the daemon in the foreground until a signal stops it. */
export function addServeCommand(program: Command, io: CommandIo): void {
  addServeOptions(
    program.command('serve').description('Run the background processes of the named sites until stopped.'),
  ).action(async (options: ParsedOptions) => {
    const config = configFrom(options, io, true);
    // Loaded here, so that the other commands start without the daemon's dependencies.
    const { runDaemon } = await import('../daemon.js');
    await runDaemon(config);
  });
}
