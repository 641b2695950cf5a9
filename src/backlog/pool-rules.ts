import { createHash } from 'node:crypto';

import type { Config } from '../config/config.js';
import type { RateRule } from '../config/kinds.js';
import { settingNames } from '../process/own-callback.js';
import { PatternFinder } from '../support/pattern.js';

/** What counts for starts that wait in one line. */
export interface LineRule {
  /** Names the line among those of a site, the same on every daemon with these rules; empty: that of all others. */
  readonly name: string;
  /** Pattern of callbacks.slots, which counts for each daemon alone. */
  readonly slots?: string;
  /** Runs at the same time on all daemons. */
  readonly poolSlots?: number;
  readonly rate?: RateRule;
}

/** Those settings that put starts into lines of their own. */
export type PoolSettings = Pick<Config['callbacks'], 'slots' | 'poolSlots' | 'rate'>;

/** Of callbacks.pool_slots, of callbacks.rate and of callbacks.slots; undefined: none fits. */
type Patterns = [pool: string | undefined, speed: string | undefined, local: string | undefined];

/**
 * Into which lines of the shared backlog the starts of a site go. What the same rules hold back stands in one
 * line, so that a full one never blocks the others.
 */
export class PoolRules {
  readonly #settings: PoolSettings;
  readonly #finders: Readonly<Record<keyof PoolSettings, PatternFinder>>;
  readonly #made = new Map<string, LineRule>();

  /** Whether any start has a number of its own. */
  readonly hasPriorities: boolean;

  constructor(settings: PoolSettings, hasPriorities = false) {
    this.#settings = settings;
    const finder = (map: object): PatternFinder => new PatternFinder(Object.keys(map));
    this.#finders = {
      slots: finder(settings.slots),
      poolSlots: finder(settings.poolSlots),
      rate: finder(settings.rate),
    };
    this.hasPriorities = hasPriorities;
  }

  /** Every line that there can be. */
  get all(): readonly LineRule[] {
    const { slots, poolSlots, rate } = this.#settings;
    const keys = (map: object): (string | undefined)[] => [...Object.keys(map), undefined];
    const rules = keys(poolSlots).flatMap((pool) =>
      keys(rate)
        .filter((speed) => pool === undefined || speed === undefined || meet(pool, speed))
        .flatMap((speed) =>
          (pool === undefined && speed === undefined ? keys(slots) : [undefined]).map((local) =>
            this.#rule(pool, speed, local),
          ),
        ),
    );
    return [...new Map(rules.map((rule) => [rule.name, rule])).values()];
  }

  /** The line of a start. */
  of(start: { readonly handle: string; readonly callback: string }): LineRule {
    const names = settingNames(start);
    const { slots, poolSlots, rate } = this.#finders;
    return this.#rule(poolSlots.find(...names), rate.find(...names), slots.find(...names));
  }

  /** There are only as many as the settings have patterns: each is made once. */
  #rule(...patterns: Patterns): LineRule {
    const key = JSON.stringify(patterns.map((pattern) => pattern ?? null));
    const rule = this.#made.get(key) ?? this.#make(...patterns);
    this.#made.set(key, rule);
    return rule;
  }

  #make(...[pool, speed, local]: Patterns): LineRule {
    const { poolSlots, rate } = this.#settings;
    const own = pool === undefined && speed === undefined ? local : undefined;
    const name = [pool, speed, own].every((part) => part === undefined)
      ? ''
      : createHash('sha256')
          .update(JSON.stringify([pool ?? null, speed ?? null, own ?? null]))
          .digest('hex')
          .slice(0, 16);
    const slots = pool === undefined ? undefined : poolSlots[pool];
    const limit = speed === undefined ? undefined : rate[speed];
    return {
      name,
      ...(local === undefined ? {} : { slots: local }),
      ...(slots === undefined ? {} : { poolSlots: slots }),
      ...(limit === undefined ? {} : { rate: limit }),
    };
  }
}

/** Whether there is a name that both patterns match. */
function meet(one: string, other: string): boolean {
  if (one === '' || other === '') {
    return /^\**$/.test(one + other);
  }
  const [first, second] = [one[0], other[0]];
  if (first === '*') return meet(one.slice(1), other) || meet(one, other.slice(1));
  if (second === '*') return meet(other, one);
  return first === second && meet(one.slice(1), other.slice(1));
}
