import type { OutcomeKind } from './outcome.js';

/** A run that has ended, as its pipeline knows it. Times are seconds since 1970 with fractions. */
export interface EndedRun {
  /** Id of the run, unique for ever. */
  readonly id: string;
  /** Main address of the site. */
  readonly site: string;
  readonly handle: string;
  readonly callback: string;
  readonly serviceHost: string;
  /** Drupal's number of the user whose process it was. */
  readonly uid: number;
  /** When the site made the row, by the row's first stamp. */
  readonly created?: number | undefined;
  readonly accepted: number;
  readonly dispatched: number;
  /** When it was claimed; undefined: it never was. */
  readonly started?: number | undefined;
  readonly ended: number;
  /** Milliseconds from acceptance to dispatch. */
  readonly waitedMs: number;
  readonly outcome: OutcomeKind;
  /** Plain sentence; empty when the run completed. */
  readonly sentence: string;
  readonly class?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** User and system, in milliseconds. */
  readonly cpuMs?: number | undefined;
  /** Largest size of its PHP process in KB. */
  readonly peakKb?: number | undefined;
  /** Workers that were tried, this run's own among them. */
  readonly attempts: number;
  readonly isolation?: string | undefined;
  /** Process id of the worker. */
  readonly pid?: number | undefined;
  readonly cancelledBy?: string | undefined;
}

/** The last progress that a run told of itself. */
export interface RunProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  readonly message: string;
}

/** The first and the last lines that a run printed. */
export interface RunOutput {
  readonly head: string;
  /** Empty: `head` is all of it. */
  readonly tail: string;
  /** Size of all of it, in bytes. */
  readonly bytes: number;
}

/** A run as the history keeps it. */
export interface PastRun extends EndedRun {
  readonly progress?: RunProgress | undefined;
  /** Undefined: it printed nothing, or its log was removed before it was read. */
  readonly output?: RunOutput | undefined;
}

/** Which past runs are asked for; what is left out does not matter. */
export interface RunFilter {
  readonly handle?: string | undefined;
  /** Pattern in which `*` stands for anything. */
  readonly callback?: string | undefined;
  readonly outcomes?: readonly OutcomeKind[] | undefined;
  /** Ended at this time or later, in seconds since 1970. */
  readonly since?: number | undefined;
  /** Most runs, newest first. */
  readonly limit: number;
  /** With what they printed. */
  readonly output?: boolean | undefined;
}
