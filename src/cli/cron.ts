import { once } from 'node:events';
import { Writable } from 'node:stream';

import type { Command } from 'commander';
import type { CommandIo } from './io.js';
import type { ParsedOptions } from './options.js';

/** `drupald cron …`: jobs that run at set times. */
export function addCronCommand(program: Command, io: CommandIo): void {
  const cron = program.command('cron').description('What runs at set times.');
  cron
    .command('fires')
    .description('Print the instants at which a rule fires, one a line; no daemon is needed.')
    .requiredOption('--rule <rule>', 'five fields as in a crontab, several rules with ";" between them')
    .option(
      '--zone <zone>',
      'time zone in which the rule is read, for instance Europe/Tallinn; default: of this machine',
    )
    .option('--from <time>', 'first instant (ISO 8601; without offset it is a time in the zone); default: now')
    .option('--to <time>', 'the first instant that no longer counts; default: a day after --from')
    .option('--job <name>', 'job whose name spreads the sign @')
    .action(async (options: ParsedOptions) => {
      // Only here, because the table of time zones takes its time to load.
      const { printedFires } = await import('./cron-fires.js');
      for (const lines of printedFires(options, Date.now())) {
        if (!io.stdout.write(lines) && io.stdout instanceof Writable) await once(io.stdout, 'drain');
      }
    });
}
