import type { PastRun } from '../process/ended-run.js';
import type { OutcomeKind } from '../process/outcome.js';
import type { Param } from './database.js';
import { firstPlane } from './plain-text.js';

/** A past run as the table has it. */
export interface RunRow {
  id: string;
  handle: Buffer;
  callback: string;
  service_host: string;
  uid: number;
  created: number | null;
  accepted: number;
  dispatched: number;
  started: number | null;
  ended: number;
  waited_ms: number;
  outcome: OutcomeKind;
  sentence: string;
  error_class: string | null;
  error_file: string | null;
  error_line: number | null;
  exit_code: number | null;
  signal_name: string | null;
  cpu_ms: number | null;
  peak_kb: number | null;
  attempts: number;
  isolation: string | null;
  pid: number | null;
  progress: number | null;
  progress_message: string | null;
  output_head?: string | null;
  output_tail?: string | null;
  output_bytes: number | null;
  cancelled_by: string | null;
}

/** The columns in which what a run printed is kept: not read for a list. */
const outputColumns: readonly (keyof RunRow)[] = ['output_head', 'output_tail'];

/** Columns in the order in which `rowOf` gives their values. */
export const runColumns = [
  'id',
  'handle',
  'callback',
  'service_host',
  'uid',
  'created',
  'accepted',
  'dispatched',
  'started',
  'ended',
  'waited_ms',
  'outcome',
  'sentence',
  'error_class',
  'error_file',
  'error_line',
  'exit_code',
  'signal_name',
  'cpu_ms',
  'peak_kb',
  'attempts',
  'isolation',
  'pid',
  'progress',
  'progress_message',
  'output_head',
  'output_tail',
  'output_bytes',
  'cancelled_by',
] as const satisfies readonly (keyof RunRow)[];

/** The columns that a list needs. */
export const listColumns: readonly (keyof RunRow)[] = runColumns.filter((name) => !outputColumns.includes(name));

/**
 * The values of a run in the order of `runColumns`, each cut to the length of its column.
 *
 * @param charset the table's; `utf8` of MySQL has no signs beyond the first plane
 */
export function rowOf(run: PastRun, charset: 'utf8' | 'utf8mb4'): Param[] {
  const fit = (value: string, length: number): string => {
    const plain = charset === 'utf8' ? firstPlane(value) : value;
    return plain.length <= length ? plain : plain.slice(0, length).replace(/[\ud800-\udbff]$/, '');
  };
  const text = (value: string | undefined, length: number): string | null =>
    value === undefined ? null : fit(value, length);
  const row: Record<(typeof runColumns)[number], Param> = {
    id: run.id,
    handle: run.handle,
    callback: fit(run.callback, 255),
    service_host: fit(run.serviceHost, 64),
    uid: run.uid,
    created: run.created ?? null,
    accepted: run.accepted,
    dispatched: run.dispatched,
    started: run.started ?? null,
    ended: run.ended,
    waited_ms: Math.round(run.waitedMs),
    outcome: run.outcome,
    sentence: fit(run.sentence, 5_000),
    error_class: text(run.class, 255),
    error_file: text(run.file, 5_000),
    error_line: run.line ?? null,
    exit_code: run.exitCode ?? null,
    signal_name: text(run.signal, 32),
    cpu_ms: run.cpuMs === undefined ? null : Math.round(run.cpuMs),
    peak_kb: run.peakKb ?? null,
    attempts: run.attempts,
    isolation: run.isolation ?? null,
    pid: run.pid ?? null,
    progress: run.progress?.fraction ?? null,
    progress_message: text(run.progress?.message, 5_000),
    output_head: text(run.output?.head, 10_000),
    output_tail: text(run.output?.tail, 10_000),
    output_bytes: run.output?.bytes ?? null,
    cancelled_by: text(run.cancelledBy, 255),
  };
  return runColumns.map((name) => row[name]);
}

/** The run of a row. */
export function runOf(site: string, row: RunRow): PastRun {
  const bytes = row.output_bytes;
  return {
    id: row.id,
    site,
    handle: row.handle.toString(),
    callback: row.callback,
    serviceHost: row.service_host,
    uid: row.uid,
    created: row.created ?? undefined,
    accepted: row.accepted,
    dispatched: row.dispatched,
    started: row.started ?? undefined,
    ended: row.ended,
    waitedMs: row.waited_ms,
    outcome: row.outcome,
    sentence: row.sentence,
    class: row.error_class ?? undefined,
    file: row.error_file ?? undefined,
    line: row.error_line ?? undefined,
    exitCode: row.exit_code ?? undefined,
    signal: row.signal_name ?? undefined,
    cpuMs: row.cpu_ms ?? undefined,
    peakKb: row.peak_kb ?? undefined,
    attempts: row.attempts,
    isolation: row.isolation ?? undefined,
    pid: row.pid ?? undefined,
    progress: row.progress === null ? undefined : { fraction: row.progress, message: row.progress_message ?? '' },
    ...(bytes === null || row.output_head === undefined
      ? {}
      : { output: { head: row.output_head ?? '', tail: row.output_tail ?? '', bytes } }),
    cancelledBy: row.cancelled_by ?? undefined,
  };
}
