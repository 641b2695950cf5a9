import type { Config, Isolation, ProcessRules } from '../config/config.js';
import type { RetryRule } from '../config/kinds.js';
import { isCronOne } from '../process/cron-one.js';
import { hasOwnRules, isOwnCallback, settingNames } from '../process/own-callback.js';
import { firstMatch } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

/** What rules look at of a process. */
export type RuledProcess = Pick<Dispatch, 'handle' | 'callback' | 'serviceHost'>;

/** The rules of a configuration. */
export type AllRules = Readonly<Record<'callbacks' | 'serviceHosts', ProcessRules>>;

/** What a run may use. */
export interface RunLimits {
  /** Milliseconds from the claim; waiting counts. */
  readonly time: number | undefined;
  /** Bytes, of the worker and all that it has started. */
  readonly memory: number | undefined;
  /** Bytes in its log, which all that it has started writes to, too. */
  readonly output: number | undefined;
}

/**
 * What a process gets: by its callback, else by its service host. One of our own bears the name of a
 * service host only because a row needs one: it goes by its callback alone.
 */
function ruleOf<K extends keyof ProcessRules>(
  { callbacks, serviceHosts }: AllRules,
  kind: K,
  process: RuledProcess,
): ProcessRules[K][string] | undefined {
  // Both maps of a kind hold values of one type, which the compiler cannot follow through the key.
  const [own, host] = [callbacks[kind], serviceHosts[kind]] as Readonly<Record<string, ProcessRules[K][string]>>[];
  const found = firstMatch(own ?? {}, ...settingNames(process));
  return found ?? (isOwnCallback(process.callback) ? undefined : firstMatch(host ?? {}, process.serviceHost));
}

/**
 * The limits of a process.
 *
 * @param time milliseconds that this very process may take instead
 */
export function limitsOf(rules: AllRules, process: RuledProcess, time?: number): RunLimits {
  return {
    time: time ?? ruleOf(rules, 'time', process),
    memory: ruleOf(rules, 'memory', process),
    output: ruleOf(rules, 'output', process),
  };
}

/** When a process is begun again after a bad end; undefined: never. Ours have rules of their own. */
export function retryOf(rules: AllRules, process: RuledProcess): RetryRule | undefined {
  return hasOwnRules(process.callback) ? undefined : ruleOf(rules, 'retry', process);
}

/** How a process is kept apart. A program for each run needs no fork; where forks are not to be had, nothing can ask for one. */
export function isolationOf(config: AllRules & Pick<Config, 'isolation'>, process: RuledProcess): Isolation {
  if (config.isolation === 'cold') return 'cold';
  const wished = ruleOf(config, 'isolation', process) ?? config.isolation;
  // Of several runs of a job in one PHP process, Ultimate Cron 1.x logs only the first.
  return wished === 'shared' && isCronOne(process.callback) ? 'process' : wished;
}
