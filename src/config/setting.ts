import type { Kind } from './kinds.js';

/**
 * One setting. The tables of settings are the only place that knows it: validation, messages,
 * `drupald config show` and docs/configuration.md are made from them.
 */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** Unit of the value after loading, where there is one. */
  readonly unit?: 'ms' | 'bytes';
  /** Raw value used when nothing is given; undefined: worked out, or none (see `defaultText`). */
  readonly default?: string | number | readonly string[] | Readonly<Record<string, string | number>>;
  /** The default in words, when it is not a fixed value. */
  readonly defaultText?: string;
  /** A value as one would write it. */
  readonly example: string;
  /** What it is for, in one sentence. */
  readonly sentence: string;
  /** It may hold a password, a wrong value as well: that is never shown. */
  readonly secret?: boolean;
}

/** Keeps the type of a setting's values. */
export function setting<T>(definition: Setting<T>): Setting<T> {
  return definition;
}

/** What a setting's value is after loading. */
export type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** Name of the environment variable of a setting: `log.level` → `DRUPALD_LOG_LEVEL`. */
export function environmentName(key: string): string {
  return `DRUPALD_${key.replaceAll('.', '_').toUpperCase()}`;
}
