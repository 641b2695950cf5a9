import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { DrupaldError } from '../errors.js';
import { addAdoptCommand } from './adopt.js';
import { addConfigCommand } from './config.js';
import { addCronCommand } from './cron.js';
import { addBatchCommand } from './batch.js';
import { addQueueCommand } from './queue.js';
import { addDetachCommand } from './detach.js';
import { addDoctorCommand } from './doctor.js';
import { addHistoryCommand } from './history.js';
import { printable, wantsColour, type CommandIo } from './io.js';
import { addKillCommand } from './kill.js';
import { addLogsCommand } from './logs.js';
import { addPsCommand } from './ps.js';
import { addRetryCommand } from './retry.js';
import { addServeCommand } from './serve.js';
import { addShowCommand } from './show.js';

/** Version of this program. */
export function version(): string {
  const content = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(content) as { version: string }).version;
}

/**
 * Runs one command line.
 *
 * @param args what follows the name of the program
 * @returns exit code: 0 done, 1 failed, 2 wrong use or configuration, 75 temporary
 */
export async function runCommandLine(args: readonly string[], io: CommandIo): Promise<number> {
  let exitCode = 0;
  const program = new Command('drupald')
    .description('Runs the background processes of Drupal sites in PHP workers of its own.')
    .version(version())
    .option('--debug', 'show where an error came from')
    .exitOverride()
    .showHelpAfterError('(try "drupald --help")')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    });
  addServeCommand(program, io);
  addDoctorCommand(program, io, (code) => (exitCode = code));
  addDetachCommand(program, io, (code) => (exitCode = code));
  addAdoptCommand(program, io);
  addPsCommand(program, io);
  addKillCommand(program, io);
  addRetryCommand(program, io);
  addHistoryCommand(program, io);
  addShowCommand(program, io);
  addLogsCommand(program, io, (code) => (exitCode = code));
  addCronCommand(program, io);
  addQueueCommand(program, io);
  addBatchCommand(program, io);
  addConfigCommand(program, io);
  try {
    // Accepted behind the command, too, where people add it after something went wrong.
    const debug = args.includes('--debug');
    await program.parseAsync(debug ? ['--debug', ...args.filter((arg) => arg !== '--debug')] : [...args], {
      from: 'user',
    });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return reportError(error, io, args.includes('--debug'));
  }
}

/** Tells an error in one sentence, its remedy and its code; the stack only on demand. Returns the exit code. */
function reportError(error: unknown, io: CommandIo, debug: boolean): number {
  const colours = pc.createColors(wantsColour(io.stderr, io.env));
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DrupaldError) {
    io.stderr.write(
      `${colours.red('drupald:')} ${printable(message)}\n${printable(error.remedy)} ${colours.dim(`[${error.code}]`)}\n`,
    );
  } else {
    io.stderr.write(
      `${colours.red('drupald:')} ${printable(message)}\nThis was not foreseen; run it again with --debug and report it.\n`,
    );
  }
  if (debug) io.stderr.write(`${stackOf(error)}\n`);
  return error instanceof DrupaldError ? error.exitCode : 1;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by ${stackOf(error.cause)}`;
}
