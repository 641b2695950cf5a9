import { constants } from 'node:os';

import type { Connection } from './connection.js';

/** How a PHP process ended, as far as somebody saw it. */
export interface WorkerExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** False: nobody reaped it, because its parent died first. */
  readonly seen: boolean;
  /** It is not dead: it takes another job. */
  readonly stays?: true;
  /** CPU time, user and system, in milliseconds. */
  readonly cpuMs?: number | undefined;
  /** Largest resident size in KB. */
  readonly peakKb?: number | undefined;
}

/** A PHP process that takes one job. */
export interface Worker {
  readonly pid: number;
  readonly connection: Connection;
  /** Resolves when the process is dead, by its parent's word; never rejects. */
  readonly ended: Promise<WorkerExit>;
  /** Signals the whole process group of the worker. */
  kill(signal: NodeJS.Signals): void;
}

/** Where workers come from: forked from a root, or one PHP each. */
export interface WorkerSource {
  /**
   * A worker that waits for its job.
   *
   * @throws DrupaldError when PHP cannot be started.
   */
  worker(run: string): Promise<Worker>;
  start(): Promise<void>;
  /** Ends the processes that only make workers; running workers go on. */
  stop(): Promise<void>;
}

const names = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** The name of a signal's number, such as SIGKILL for 9. */
export function signalName(number: number): string {
  return names.get(number) ?? `signal ${number}`;
}

/** Kills what is left of the process group of a worker that is dead. */
export function killRest(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
    return;
  }
}

/** Signals a worker's process group, or the process when it has not got one yet. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // No such group: then the process itself; no such process: then it is dead.
      continue;
    }
  }
}
