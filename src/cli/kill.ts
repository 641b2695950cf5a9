import type { Command } from 'commander';
import { fail } from '../errors.js';
import { ControlClient, longestReason, type KilledProcess } from '../http/control-client.js';
import { printable, writeJson, type CommandIo } from './io.js';
import { addDaemonOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';

/** `drupald kill`: ends a process that runs or waits. */
export function addKillCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(
    program
      .command('kill')
      .argument('<handle>', 'name of the process, as "drupald ps" shows it')
      .description('End a process that runs or waits, with everything that it has started.'),
  )
    .option('--reason <text>', 'why; it stands in the logs and in the history, and its modules are told')
    .option('--site <url>', 'one of the addresses of the site, where several have a process of this name')
    .option('--json', 'print JSON')
    .action(async (handle: string, options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const [site, reason] = [textOption(options, 'site'), textOption(options, 'reason')];
      if (reason !== undefined && reason.length > longestReason) {
        throw fail('OPTION_INVALID', {
          flag: '--reason',
          given: `${reason.slice(0, 40)}…`,
          expected: `a text of at most ${String(longestReason)} signs`,
          suggestion: '',
          example: '--reason "it was started twice"',
        });
      }
      const killed = await new ControlClient(stateDirOf(config, io)).kill({
        handle,
        ...(site === undefined ? {} : { site }),
        ...(reason === undefined ? {} : { reason }),
      });
      if (options.json === true) writeJson(io, killed);
      else io.stdout.write(`${printable(formatKilled(killed))}\n`);
    });
}

/** What became of it, in a sentence. */
export function formatKilled({ handle, was, pid }: KilledProcess): string {
  switch (was) {
    case 'running':
      return `${handle} was ended${pid === undefined ? '' : ` (process ${String(pid)})`}.`;
    case 'waiting':
      return `${handle} had not begun; it never will.`;
    case 'ending':
      return `${handle} was coming to its end already.`;
  }
}
