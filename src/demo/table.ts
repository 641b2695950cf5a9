import Table from 'cli-table3';
import pc from 'picocolors';
import { printable } from '../cli/io.js';
import { formatDuration } from '../support/duration.js';
import { stateOf, type Entry } from './board.js';

/** How a table is drawn. */
export interface TableStyle {
  /** Width of the terminal, in characters. */
  readonly columns: number;
  readonly colour: boolean;
}

const TITLES = ['HANDLE', 'CALLBACK', 'STATE', 'PROGRESS', 'PID', 'WAITED', 'RAN', 'HOW'];

/** Terminals from this width on get wide columns. */
const WIDE = 110;

/** Draws all processes. Each line fits into the given width. */
export function drawTable(entries: readonly Entry[], style: TableStyle, now: number): string {
  const paint = pc.createColors(style.colour);
  const widths = columnWidths(style.columns);
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'].map((part) => [
      part,
      '',
    ]),
  );
  const table = new Table({
    head: TITLES.map((title) => paint.dim(title)),
    colWidths: widths,
    chars: {
      ...none,
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: ' '.repeat(gapOf(style.columns)),
    },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const entry of entries) table.push(cells(entry, widths, paint, now));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** How a process ended, or why it did not start, in a few words and its reason. */
export function endOf(entry: Entry): string {
  if (entry.refusal !== undefined) return entry.refusal;
  const last = entry.runs.at(-1);
  if (last?.outcome === undefined) return entry.progressText;
  const often = entry.runs.length > 1 ? `, ${entry.runs.length} runs` : '';
  return `${last.outcome}${often}${last.sentence ? `: ${last.sentence}` : ''}`;
}

/** The reasons that the table has no room for, one line each. */
export function drawReasons(entries: readonly Entry[], colour: boolean): string {
  const paint = pc.createColors(colour);
  return entries
    .filter((entry) => entry.refusal !== undefined || entry.runs.at(-1)?.sentence)
    .map((entry) => `${paint.dim(printable(shortHandle(entry.handle)).padEnd(8))} ${printable(endOf(entry))}`)
    .join('\n');
}

/** A handle short enough for a column; generated ones are known by their first characters. */
export function shortHandle(handle: string): string {
  return /^[0-9a-f]{32}$/.test(handle) ? handle.slice(0, 8) : handle;
}

/** A bar of the given width for a fraction of 0 to 1; empty for none. */
export function bar(fraction: number | undefined, width: number): string {
  if (fraction === undefined) return '';
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function columnWidths(columns: number): number[] {
  const fixed = columns >= WIDE ? [12, 26, 8, 12, 8, 7, 7] : [8, 18, 8, 8, 7, 6, 6];
  const used = fixed.reduce((sum, width) => sum + width + gapOf(columns), 0);
  return [...fixed, Math.max(8, columns - used - 1)];
}

function gapOf(columns: number): number {
  return columns >= WIDE ? 2 : 1;
}

function cells(
  entry: Entry,
  widths: readonly number[],
  paint: ReturnType<typeof pc.createColors>,
  now: number,
): string[] {
  const state = stateOf(entry);
  const last = entry.runs.at(-1);
  const good = state === 'ended' && last?.outcome === 'completed';
  const states = {
    waiting: paint.dim,
    starting: paint.cyan,
    running: paint.cyan,
    ended: good ? paint.green : paint.red,
    refused: paint.yellow,
  };
  const waited = last === undefined ? (entry.refusal === undefined ? now - entry.since : undefined) : last.waitedMs;
  const ran = last?.ranMs ?? (last?.claimedAt === undefined ? undefined : now - last.claimedAt);
  return [
    cut(printable(shortHandle(entry.handle)), widths[0] ?? 0),
    cut(printable(entry.callback), widths[1] ?? 0),
    states[state](state),
    bar(entry.progress, widths[3] ?? 0),
    last?.pid === undefined ? '-' : String(last.pid),
    waited === undefined ? '-' : formatDuration(waited),
    ran === undefined ? '-' : formatDuration(ran),
    paint.dim(printable(endOf(entry))),
  ];
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
