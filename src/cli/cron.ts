import { once } from 'node:events';
import { Writable } from 'node:stream';

import type { Command } from 'commander';
import { cronAnswer, type CronJob } from '../http/cron-answers.js';
import { formatDuration } from '../support/duration.js';
import { printable, wantsColour, writeJson, type CommandIo } from './io.js';
import { formatMoment } from './moment.js';
import { addDaemonOptions, clientOf, textOption, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

/** `drupald cron …`: jobs that run at set times. */
export function addCronCommand(program: Command, io: CommandIo): void {
  const cron = program.command('cron').description('Show what runs at set times.');
  addDaemonOptions(cron)
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const { jobs } = await clientOf(options, io).get('/v1/cron', cronAnswer);
      if (options.json === true) writeJson(io, { jobs });
      else io.stdout.write(`${formatJobs(jobs, wantsColour(io.stdout, io.env))}\n`);
    });
  addDaemonOptions(cron.command('run').argument('<job>', 'name of the job, as "drupald cron" shows it'))
    .description('Run a job now, whatever its time is.')
    .option('--site <url>', 'one of the addresses of the site, where several have a job of this name')
    .option('--json', 'print JSON')
    .action(async (name: string, _options: ParsedOptions, command: Command) => {
      // The command above it takes flags of the same names.
      const options: ParsedOptions = command.optsWithGlobals();
      const site = textOption(options, 'site');
      const started = await clientOf(options, io).runCron({ name, ...(site === undefined ? {} : { site }) });
      if (options.json === true) writeJson(io, started);
      else
        io.stdout.write(`${printable(name)} is started; "drupald logs -f ${printable(started.handle)}" follows it.\n`);
    });
  addDaemonOptions(cron.command('next'))
    .description('Show what is going to run next, in the order of time.')
    .option('--at <time>', 'from this time on (ISO 8601; without offset it is a time of this machine); default: now')
    .option('--count <number>', 'how many runs at most; default: 20')
    .option('--json', 'print JSON')
    .action(async (_options: ParsedOptions, command: Command) => {
      const options: ParsedOptions = command.optsWithGlobals();
      // Only here, because the table of time zones takes its time to load.
      const { formatNext, nextWishOf } = await import('./cron-next.js');
      const answer = await clientOf(options, io).nextCron(nextWishOf(options));
      if (options.json === true) writeJson(io, answer);
      else io.stdout.write(`${formatNext(answer, wantsColour(io.stdout, io.env))}\n`);
    });
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

/** Jobs as text for people. */
export function formatJobs(jobs: readonly CronJob[], colour: boolean): string {
  if (jobs.length === 0) return 'No site has cron jobs that are run here.';
  const rows = jobs.map((job) => [
    job.name,
    job.site,
    job.rule,
    job.zone,
    job.last === null ? null : formatMoment(job.last),
    job.next === null ? null : formatMoment(job.next),
    job.step === null ? job.state : `${job.state}: ${job.step}`,
    job.outcome,
    job.lateMs === null ? null : formatDuration(job.lateMs),
  ]);
  return formatTable(['JOB', 'SITE', 'RULE', 'ZONE', 'LAST', 'NEXT', 'STATE', 'OUTCOME', 'LATE'], rows, colour);
}
