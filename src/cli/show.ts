import type { Command } from 'commander';
import pc from 'picocolors';
import { ControlClient } from '../http/control-client.js';
import { showAnswer, type LiveRun, type ShowAnswer } from '../http/run-answers.js';
import type { PastRun, RunOutput, RunProgress } from '../process/ended-run.js';
import { formatBytes } from '../support/bytes.js';
import { formatDuration } from '../support/duration.js';
import { answerTimeout, formatHistory, ranOf, writeNotes } from './history.js';
import { printable, printableLines, wantsColour, writeJson, type CommandIo } from './io.js';
import { formatMoment } from './moment.js';
import { addDaemonOptions, configFrom, stateDirOf, textOption, type ParsedOptions } from './options.js';

/** `drupald show`: what one process does now, and how its last runs ended. */
export function addShowCommand(program: Command, io: CommandIo): void {
  addDaemonOptions(
    program.command('show <handle>').description('Show what a process does now, and how its last runs ended.'),
  )
    .option('--site <url>', 'only this site, by one of its addresses')
    .option('--json', 'print JSON')
    .action(async (handle: string, options: ParsedOptions) => {
      const config = configFrom(options, io, false);
      const site = textOption(options, 'site');
      const query = new URLSearchParams({ handle, ...(site === undefined ? {} : { site }) });
      const client = new ControlClient(stateDirOf(config, io));
      const answer = await client.get(`/v1/show?${query.toString()}`, showAnswer, answerTimeout);
      if (options.json === true) writeJson(io, answer);
      else {
        writeNotes(answer.notes, io);
        io.stdout.write(`${formatShown(answer, wantsColour(io.stdout, io.env))}\n`);
      }
    });
}

/** One line with its name in front. */
type Fact = readonly [name: string, value: string | null | undefined];

/** A process for people. */
export function formatShown(answer: ShowAnswer, colour: boolean): string {
  const { bold, dim } = pc.createColors(colour);
  const parts: string[] = [];
  for (const run of answer.live) {
    parts.push(`${bold(printable(answer.handle))} ${stateOf(run)}\n${facts(liveFacts(run), dim)}`);
  }
  const [newest, ...older] = answer.runs;
  if (newest) {
    parts.push(`${bold(printable(newest.handle))} ${endOf(newest)}\n${facts(pastFacts(newest), dim)}`);
    if (newest.output) parts.push(formatOutput(newest.output, dim));
  }
  if (older.length > 0) parts.push(`Runs before it:\n\n${formatHistory({ runs: older }, colour)}`);
  return parts.join('\n\n');
}

function stateOf(run: LiveRun): string {
  switch (run.state) {
    case 'waiting':
      return `waits${run.position === undefined ? '' : ` at position ${String(run.position)} of its site`}`;
    case 'held':
      return 'waits for the end of the maintenance mode';
    case 'set aside':
      return 'is set aside';
    case 'pausing':
      return 'waits for its next try';
    case 'elsewhere':
      return 'is not in the hands of this daemon';
    case 'starting':
      return 'starts';
    case 'running':
      return 'runs';
    default:
      return `ends (${printable(run.state)})`;
  }
}

function liveFacts(run: LiveRun): Fact[] {
  return [
    ['site', run.site],
    ['callback', run.callback],
    ['since', run.started === undefined ? null : sinceOf(run.started, run.ranMs)],
    ['waited', run.waitedMs === undefined ? null : formatDuration(run.waitedMs)],
    ['process', run.pid?.toString()],
    ['isolation', run.isolation],
    ['progress', progressOf(run.progress)],
    ['because', run.reason],
  ];
}

function endOf(run: PastRun): string {
  return run.outcome === 'completed' ? 'completed' : `ended: ${printable(run.outcome)}`;
}

function pastFacts(run: PastRun): Fact[] {
  const place = run.file === undefined ? null : `${run.file}${run.line === undefined ? '' : `:${String(run.line)}`}`;
  const queue = run.created === undefined ? null : Math.max(0, run.accepted - run.created) * 1000;
  return [
    ['cause', run.sentence === '' ? null : run.sentence],
    ['error', run.class],
    ['place', place],
    ['exit code', run.exitCode?.toString()],
    ['signal', run.signal],
    ['cancelled by', run.cancelledBy],
    ['site', run.site],
    ['callback', run.callback],
    ['user', String(run.uid)],
    ['service host', run.serviceHost],
    ['created', run.created === undefined ? null : formatMoment(run.created)],
    ['accepted', `${formatMoment(run.accepted)}${queue === null ? '' : ` (${formatDuration(queue)} later)`}`],
    ['waited', formatDuration(run.waitedMs)],
    ['started', run.started === undefined ? 'never' : formatMoment(run.started)],
    ['ended', `${formatMoment(run.ended)}${run.started === undefined ? '' : ` (ran ${ranOf(run) ?? ''})`}`],
    ['progress', progressOf(run.progress)],
    ['CPU time', run.cpuMs === undefined ? null : formatDuration(run.cpuMs)],
    ['peak memory', run.peakKb === undefined ? null : formatBytes(run.peakKb * 1024)],
    ['attempts', run.attempts > 1 ? String(run.attempts) : null],
    ['isolation', run.isolation],
    ['process', run.pid?.toString()],
    ['run', run.id],
  ];
}

function sinceOf(started: number, ranMs: number | undefined): string {
  return `${formatMoment(started)}${ranMs === undefined ? '' : ` (${formatDuration(ranMs)})`}`;
}

function progressOf(progress: RunProgress | undefined): string | null {
  if (!progress) return null;
  const message = progress.message === '' ? '' : `: ${progress.message}`;
  return `${String(Math.round(progress.fraction * 1000) / 10)} %${message}`;
}

function facts(all: readonly Fact[], dim: (text: string) => string): string {
  const known = all.filter((fact): fact is readonly [string, string] => fact[1] !== null && fact[1] !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${dim(name.padEnd(width))}  ${printable(value)}`).join('\n');
}

function formatOutput({ head, tail, bytes }: RunOutput, dim: (text: string) => string): string {
  const shown = Buffer.byteLength(head) + Buffer.byteLength(tail);
  const lines = [`It printed ${formatBytes(bytes)}:`, '', printableLines(head).trimEnd()];
  if (bytes > shown) lines.push(dim(`… (${formatBytes(bytes - shown)} more, see "drupald logs") …`));
  if (tail !== '') lines.push(printableLines(tail).trimEnd());
  return lines.join('\n');
}
