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

/** Names that are remembered at most: they are few, but nothing of a site may make a map grow for ever. */
const remembered = 10_000;

/** Looks up which of some patterns is the first to match, and remembers it. */
export class PatternFinder {
  readonly #patterns: readonly string[];
  readonly #known = new Map<string, string | undefined>();

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
  }

  /** The first pattern that matches one of the names; undefined: none does. */
  find(...names: readonly string[]): string | undefined {
    if (this.#patterns.length === 0) return undefined;
    const key = names.join('\0');
    if (!this.#known.has(key)) {
      if (this.#known.size >= remembered) this.#known.clear();
      this.#known.set(
        key,
        this.#patterns.find((pattern) => names.some((name) => matches(pattern, name))),
      );
    }
    return this.#known.get(key);
  }
}
