import Table from 'cli-table3';
import pc from 'picocolors';
import { printable } from './io.js';

/**
 * A table without frame, as ps and docker print it.
 *
 * @param head titles of the columns
 * @param rows cells; null and undefined are shown as a dash
 * @param colour whether titles may be dimmed
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number | null | undefined)[])[],
  colour: boolean,
): string {
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'].map((part) => [
      part,
      '',
    ]),
  );
  const table = new Table({
    head: head.map((title) => pc.createColors(colour).dim(title)),
    chars: { ...none, left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  for (const row of rows)
    table.push(row.map((cell) => printable(cell === null || cell === undefined ? '-' : String(cell))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
