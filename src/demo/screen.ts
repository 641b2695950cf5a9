import pc from 'picocolors';
import { printable, wantsColour } from '../cli/io.js';
import { formatDuration } from '../support/duration.js';
import { stateOf, type Board, type Entry } from './board.js';
import { drawReasons, drawTable, endOf, shortHandle } from './table.js';

/** Milliseconds between two pictures. */
const FRAME_MS = 100;

/** Where the demo shows itself. */
export interface ScreenStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/**
 * Shows the board: a table that is redrawn in place where a terminal is large enough for it, else one line for
 * each change.
 */
export class Screen {
  readonly #board: Board;
  readonly #out: ScreenStream;
  readonly #colour: boolean;
  readonly #said = new Map<Entry, string>();
  #timer: NodeJS.Timeout | undefined;
  #height = 0;

  constructor(board: Board, out: ScreenStream, env: NodeJS.ProcessEnv) {
    this.#board = board;
    this.#out = out;
    this.#colour = wantsColour(out, env);
    board.onChange = (entry) => {
      if (this.#timer === undefined) this.#line(entry);
    };
  }

  /** Begins to show; until then, and after `finish`, each change is a line. */
  start(lines: number): void {
    const room = this.#out.isTTY === true && (this.#out.rows ?? 0) > lines + 2 && (this.#out.columns ?? 0) >= 80;
    if (!room || process.env.TERM === 'dumb') return;
    this.#timer = setInterval(() => {
      this.#draw();
    }, FRAME_MS);
    this.#draw();
  }

  /** Leaves the last picture behind, with every reason in full. */
  finish(): void {
    const drawn = this.#timer !== undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (!drawn) this.#out.write('\n');
    this.#draw();
    this.#height = 0;
    this.#out.write(`\n${drawReasons(this.#board.entries, this.#colour)}\n`);
    for (const entry of this.#board.entries) this.#said.set(entry, said(entry));
  }

  /** Stops drawing without a last picture; safe to call twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw(): void {
    const columns = this.#out.isTTY === true ? (this.#out.columns ?? 120) : 120;
    const text = drawTable(this.#board.entries, { columns, colour: this.#colour }, Date.now());
    // One write for the whole picture: the terminal never shows half of it.
    this.#out.write(`${this.#height > 0 ? `\u001b[${this.#height}A\u001b[J` : ''}${text}\n`);
    this.#height = text.split('\n').length;
  }

  #line(entry: Entry): void {
    const text = said(entry);
    if (this.#said.get(entry) === text) return;
    this.#said.set(entry, text);
    const paint = pc.createColors(this.#colour);
    const time = new Date().toISOString().slice(11, 23);
    this.#out.write(`${paint.dim(time)} ${text}\n`);
  }
}

/** One line about where a process stands; progress counts in quarters, so that lines stay few. */
function said(entry: Entry): string {
  const state = stateOf(entry);
  const last = entry.runs.at(-1);
  const details = [
    ...(last?.pid === undefined ? [] : [`pid ${last.pid}`]),
    ...(last === undefined ? [] : [`waited ${formatDuration(last.waitedMs)}`]),
    ...(last?.ranMs === undefined ? [] : [`ran ${formatDuration(last.ranMs)}`]),
    ...(state === 'running' && entry.progress !== undefined ? [`${Math.floor(entry.progress * 4) * 25} %`] : []),
    ...(state === 'ended' || state === 'refused' ? [printable(endOf(entry))] : []),
  ];
  const handle = printable(shortHandle(entry.handle)).padEnd(9);
  return `${handle} ${printable(entry.callback).padEnd(20)} ${state.padEnd(8)} ${details.join(', ')}`.trimEnd();
}
