/** Whether a name matches a pattern in which `*` stands for anything; all other signs for themselves. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'su').test(name);
}

/** The value of the first pattern that matches one of the names; undefined: none does. */
export function firstMatch<T>(patterns: Readonly<Record<string, T>>, ...names: readonly string[]): T | undefined {
  const found = Object.entries(patterns).find(([pattern]) => names.some((name) => matches(pattern, name)));
  return found?.[1];
}
