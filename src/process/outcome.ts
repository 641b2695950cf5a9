import { formatBytes } from '../support/bytes.js';
import { formatDuration } from '../support/duration.js';

/** How a run ended. The PHP side uses the same names (php-shim/src/Ending.php). */
export const outcomeKinds = [
  'completed',
  'threw',
  'fatal',
  'out-of-memory',
  'timed-out',
  'not-callable',
  'database-lost',
  'exited',
  'signalled',
  'refused',
  'boot-failed',
  'cancelled',
  'lost',
] as const;

export type OutcomeKind = (typeof outcomeKinds)[number];

/** The end of a run with its cause, in fields and in one sentence for people. */
export interface Outcome {
  readonly kind: OutcomeKind;
  /** Plain sentence; empty when the run completed. */
  readonly sentence: string;
  readonly class?: string | undefined;
  readonly message?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  /** Exit code, for `exited`. */
  readonly code?: number | undefined;
  /** Name of the signal, for `signalled`. */
  readonly signal?: string | undefined;
  /** Who did not want it to go on, for `cancelled`. */
  readonly by?: string | undefined;
}

export const completed: Outcome = { kind: 'completed', sentence: '' };

/** The callback ended PHP itself; code 0 is how restart, redirects and drupal_exit() end. */
export function exited(code: number, callback: string): Outcome {
  if (code === 0) {
    return completed;
  }
  return {
    kind: 'exited',
    code,
    sentence: `The callback ${callback} ended PHP with exit code ${code}.`,
  };
}

const signalMeanings: Readonly<Record<string, string>> = {
  SIGKILL: 'somebody, or the kernel when memory ran short, killed it',
  SIGTERM: 'somebody asked it to end',
  SIGSEGV: 'PHP or an extension crashed',
  SIGABRT: 'PHP or an extension gave up',
  SIGBUS: 'PHP or an extension crashed',
  SIGXCPU: 'its CPU limit was reached',
  SIGXFSZ: 'a file reached its size limit',
};

/** The process of the callback was ended by a signal. */
export function signalled(signal: string, callback: string): Outcome {
  const meaning = signalMeanings[signal];
  return {
    kind: 'signalled',
    signal,
    sentence: `The PHP process of the callback ${callback} was ended by ${signal}${meaning ? `: ${meaning}` : ''}.`,
  };
}

/** The process is gone and nobody could say how. */
export function lost(callback: string, why: string): Outcome {
  return { kind: 'lost', sentence: `The PHP process of the callback ${callback} is gone: ${why}.` };
}

/**
 * Somebody did not want it to go on.
 *
 * @param who what has stopped it, such as "drupald kill"
 */
export function cancelled(callback: string, who: string, reason: string | undefined): Outcome {
  return {
    kind: 'cancelled',
    by: who,
    sentence: `The run of the callback ${callback} was cancelled by ${who}${reason ? `: ${reason.replace(/[.\s]+$/, '')}` : ''}.`,
  };
}

/**
 * A run took longer than it may.
 *
 * @param limit milliseconds
 * @param place where it was, such as "at FILE:LINE"
 */
export function outOfTime(callback: string, limit: number, place: string | undefined): Outcome {
  return {
    kind: 'timed-out',
    sentence: `The run of the callback ${callback} was ended after ${formatDuration(limit)}, the time that it may take${place ? `; it was ${place}` : ''}.`,
  };
}

/** A run used more memory than it may; both in bytes. */
export function outOfMemoryLimit(callback: string, limit: number, used: number): Outcome {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
  return {
    kind: 'out-of-memory',
    sentence: `The run of the callback ${callback} was ended because it used ${megabytes(used)} of memory with all that it had started; it may use ${megabytes(limit)}.`,
  };
}

/** A run printed more than it may, in bytes. */
export function outOfOutput(callback: string, limit: number): Outcome {
  return cancelled(
    callback,
    'drupald',
    `it printed more than ${formatBytes(limit)}, its limit (callbacks.output, service_hosts.output)`,
  );
}

/** A run was killed while the kernel killed processes because memory ran short. */
export function killedForMemory(callback: string): Outcome {
  return {
    kind: 'out-of-memory',
    signal: 'SIGKILL',
    sentence: `The PHP process of the callback ${callback} was killed by the kernel, because the machine or its control group ran out of memory.`,
  };
}

/** The site ended or broke the request before the callback began. */
export function bootFailed(sentence: string): Outcome {
  return { kind: 'boot-failed', sentence };
}

/** The site would not let the process start. */
export function refused(sentence: string): Outcome {
  return { kind: 'refused', sentence };
}
