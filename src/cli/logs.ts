import type { Command } from 'commander';
import { logPiece, type LogPiece } from '../http/run-answers.js';
import { wholeNumber } from './history.js';
import { printable, printableLines, type CommandIo } from './io.js';
import { addDaemonOptions, clientOf, textOption, type ParsedOptions } from './options.js';

/** Exit code of a program that Ctrl-C ended. */
const interrupted = 130;

/** Lines of one log at most: a log is limited in bytes anyway. */
const mostLines = 10_000_000;

/** `drupald logs`: what the newest run of a process has printed. */
export function addLogsCommand(program: Command, io: CommandIo, setExitCode: (code: number) => void): void {
  addDaemonOptions(program.command('logs <handle>').description('Print the log of the newest run of a process.'))
    .option('-f, --follow', 'go on until the run ends')
    .option('--lines <number>', 'only the last lines')
    .option('--site <url>', 'only this site, by one of its addresses')
    .option('--json', 'print a line of JSON for each piece')
    .action(async (handle: string, options: ParsedOptions) => {
      const query = new URLSearchParams({ handle, follow: options.follow === true ? '1' : '0' });
      const [site, lines] = [textOption(options, 'site'), textOption(options, 'lines')];
      if (site !== undefined) query.set('site', site);
      if (lines !== undefined) query.set('lines', String(wholeNumber('--lines', lines, 0, mostLines)));
      const client = clientOf(options, io);
      const stop = new AbortController();
      const onInterrupt = (): void => stop.abort();
      process.once('SIGINT', onInterrupt);
      try {
        for await (const piece of client.lines(`/v1/log?${query.toString()}`, logPiece, stop.signal)) {
          if (options.json === true) io.stdout.write(`${JSON.stringify(piece)}\n`);
          else write(piece, io);
        }
      } finally {
        process.off('SIGINT', onInterrupt);
      }
      if (stop.signal.aborted) setExitCode(interrupted);
    });
}

/** The text goes to standard output, what is said about it to standard error. */
function write(piece: LogPiece, io: CommandIo): void {
  switch (piece.type) {
    case 'run':
      io.stderr.write(`${printable(`${piece.handle} of ${piece.site}, run ${piece.id}: ${piece.state}`)}\n`);
      return;
    case 'text':
      io.stdout.write(printableLines(piece.text));
      return;
    case 'note':
      io.stderr.write(`${printable(piece.text)}\n`);
      return;
    case 'end':
      io.stderr.write(
        piece.outcome === 'completed'
          ? 'It completed.\n'
          : `${printable(`It ended: ${piece.sentence || piece.outcome}`)}\n`,
      );
  }
}
