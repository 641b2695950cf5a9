import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { Config } from '../config/config.js';
import { defaultStateDir, loadConfig } from '../config/load.js';
import { settings, type SettingKey } from '../config/schema.js';
import { fail } from '../errors.js';
import { CONTROL_SOCKET, ControlClient } from '../http/control-client.js';
import type { CommandIo } from './io.js';

/** Which setting a flag gives. */
const FLAGS: readonly (readonly [flag: string, key: SettingKey])[] = [
  ['--listen <address>', 'listen'],
  ['--state-dir <dir>', 'state_dir'],
  ['--user <name>', 'user'],
  ['--slots <number>', 'slots'],
  ['--isolation <kind>', 'isolation'],
  ['--grace <time>', 'grace'],
  ['--php <program>', 'php'],
  ['--log-format <format>', 'log.format'],
  ['--log-level <level>', 'log.level'],
];

/** What commander collects from the flags of a command. */
export interface ParsedOptions extends Readonly<Record<string, unknown>> {
  readonly config?: string;
  readonly json?: boolean;
}

type SitePair = Record<string, unknown> & { root: string; uris: string[] };

/** Adds the flags that only say which daemon is meant. */
export function addDaemonOptions(command: Command): Command {
  return addSettings(command, FLAGS.slice(0, 2)).addOption(configOption());
}

/** Adds every flag that a daemon takes, `--root` and `--uri` among them. */
export function addServeOptions(command: Command): Command {
  // Both flags fill one list: a --uri belongs to the --root before it.
  const pairs: SitePair[] = [];
  command.addOption(
    new Option('--root <dir>', 'folder of a Drupal site (repeatable)').argParser((root: string) => {
      pairs.push({ root, uris: [] });
      return pairs;
    }),
  );
  command.addOption(
    new Option('--uri <url>', 'address of the site in the --root before it (repeatable)').argParser((uri: string) => {
      const last = pairs.at(-1);
      if (last === undefined) throw fail('CONFIG_MISSING', { detail: `--uri ${uri} stands before any --root` });
      last.uris.push(uri);
      return pairs;
    }),
  );
  return addSettings(command, FLAGS).addOption(configOption());
}

/** The text of a flag; undefined: it was not given. */
export function textOption(options: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Loads the configuration that the flags of a command describe. Throws CONFIG_* and URI_INVALID. */
export function configFrom(options: ParsedOptions, io: CommandIo, needSites: boolean): Config {
  const flags: Record<string, unknown> = {};
  for (const [flag, key] of FLAGS) flags[key] = options[camel(flag)];
  if (options.root !== undefined) flags.sites = options.root;
  return loadConfig({
    env: io.env,
    flags: flags,
    needSites,
    ...(io.cwd === undefined ? {} : { cwd: io.cwd }),
    // Not on standard output, where scripts read.
    onFound: (file) => void io.stderr.write(`Configuration: ${file}\n`),
    ...(options.config === undefined ? {} : { file: options.config }),
  });
}

/**
 * State directory of the daemon that a command means. One that was started as root has its state in another
 * place than one of the calling user; without a word about it, the one that exists is taken.
 */
export function stateDirOf(config: Config, io: CommandIo): string {
  const own = defaultStateDir(config.listen, { env: io.env });
  if (config.stateDir !== own || existsSync(join(own, CONTROL_SOCKET))) return config.stateDir;
  const system = defaultStateDir(config.listen, { env: io.env, uid: 0 });
  return existsSync(join(system, CONTROL_SOCKET)) ? system : own;
}

function addSettings(command: Command, flags: typeof FLAGS): Command {
  for (const [flag, key] of flags) command.addOption(new Option(flag, settings[key].sentence));
  return command;
}

function configOption(): Option {
  return new Option('--config <file>', 'configuration file (YAML)');
}

function camel(flag: string): string {
  const name = flag.slice(2).split(' ')[0] ?? '';
  return name.replaceAll(/-(\w)/g, (_whole, letter: string) => letter.toUpperCase());
}

/** A client of the running daemon that the options of a command name. Throws the errors of the configuration. */
export function clientOf(options: ParsedOptions, io: CommandIo): ControlClient {
  return new ControlClient(stateDirOf(configFrom(options, io, false), io));
}
