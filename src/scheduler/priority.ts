import { settingNames } from '../process/own-callback.js';
import { firstMatch } from '../support/pattern.js';
import type { Dispatch } from './dispatch.js';

/**
 * What comes first of the starts that wait, by their callback: higher numbers.
 *
 * @param patterns numbers by pattern; the first that fits counts, 0 where none does
 */
export function prioritiesBy(
  patterns: Readonly<Record<string, number>>,
): (start: Pick<Dispatch, 'handle' | 'callback'>) => number {
  if (Object.keys(patterns).length === 0) {
    return () => 0;
  }
  const known = new Map<string, number>();
  return (start) => {
    const names = settingNames(start);
    const key = names.join(' ');
    let priority = known.get(key);
    if (priority === undefined) {
      priority = firstMatch(patterns, ...names) ?? 0;
      // Nothing of a site may make a map grow for ever.
      if (known.size > 10_000) known.clear();
      known.set(key, priority);
    }
    return priority;
  };
}
