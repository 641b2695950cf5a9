import type { Command } from 'commander';
import { formatListen, type Config, type SiteConfig } from '../config/config.js';
import { settings, type SettingKey } from '../config/schema.js';
import type { Setting } from '../config/setting.js';
import { redact } from '../observe/redact.js';
import { formatBytes } from '../support/bytes.js';
import { formatDuration } from '../support/duration.js';
import { wantsColour, writeJson, type CommandIo } from './io.js';
import { addServeOptions, configFrom, type ParsedOptions } from './options.js';
import { formatTable } from './table.js';

/** `drupald config check` and `drupald config show`: nothing is started. */
export function addConfigCommand(program: Command, io: CommandIo): void {
  const command = program.command('config').description('Check or show the configuration.');
  addServeOptions(command.command('check').description('Say whether the configuration is right.'))
    .option('--json', 'print JSON')
    .action(async (options: ParsedOptions) => {
      const { sites, schedule } = configFrom(options, io, true);
      if (schedule.length > 0) {
        // Only then, because the table of time zones takes its time to load.
        const { checkSchedule } = await import('../cron/entry-times.js');
        checkSchedule(schedule);
      }
      if (options.json === true) writeJson(io, { ok: true, sites: sites.length });
      else
        io.stdout.write(
          `The configuration is right: ${String(sites.length)} site${sites.length === 1 ? '' : 's'}. Folders, programs and sites were not tried; "drupald doctor" does that.\n`,
        );
    });
  addServeOptions(command.command('show').description('Show every setting with its value and meaning.'))
    .option('--json', 'print JSON')
    .action((options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      if (options.json === true) writeJson(io, redact(config));
      else io.stdout.write(`${formatConfig(config, wantsColour(io.stdout, io.env))}\n`);
    });
}

/** The configuration as text for people. */
export function formatConfig(config: Config, colour: boolean): string {
  const rows = (Object.keys(settings) as SettingKey[])
    .filter((key) => key !== 'php')
    .map((key) => [key, formatValue(key, config), settings[key].sentence]);
  const parts = [formatTable(['SETTING', 'VALUE', 'MEANING'], rows, colour)];
  config.sites.forEach((site, index) => {
    const values = (Object.keys(site) as (keyof SiteConfig)[]).map((key) => [
      `sites[${String(index)}].${key}`,
      key === 'cron' && typeof site.cron === 'number'
        ? formatDuration(site.cron)
        : plain(redact({ [key]: site[key] }), key),
    ]);
    parts.push(formatTable(['SITE', 'VALUE'], values, colour));
  });
  for (const { name, work, ...entry } of config.schedule) {
    const { kind, ...details } = work;
    const shown = Object.entries({ work: kind, ...details, ...entry }).map(([key, value]) => [
      `schedule.${name}.${key === 'catchUp' ? 'catch_up' : key}`,
      typeof value === 'number' ? formatDuration(value) : plain({ value }, 'value'),
    ]);
    parts.push(formatTable(['ENTRY', 'VALUE'], shown, colour));
  }
  return parts.join('\n\n');
}

function formatValue(key: SettingKey, config: Config): string {
  if (key === 'listen') return formatListen(config.listen);
  const { unit }: Setting<unknown> = settings[key];
  let value: unknown = config;
  for (const part of key.split('.')) {
    const name = part.replaceAll(/_(\w)/g, (_whole, letter: string) => letter.toUpperCase());
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (typeof value === 'number' && unit === 'ms') return formatDuration(value);
  if (typeof value === 'number' && unit === 'bytes') return formatBytes(value);
  return plain({ value: redact(value) }, 'value');
}

function plain(holder: unknown, key: string): string {
  const value = (holder as Readonly<Record<string, unknown>>)[key];
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
