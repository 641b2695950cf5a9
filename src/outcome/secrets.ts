/** Shortest secret that is looked for: a shorter one is a word that stands everywhere. */
const leastLength = 8;

/** Characters that PHP shows of an argument in a stack trace. */
const traceLength = 15;

const cover = '[hidden]';

/** Takes secrets out of what people get to see: the passwords of a site, the token of a run. */
export class Secrets {
  readonly #words: readonly string[];

  constructor(words: readonly string[]) {
    const long = words.filter((word) => word.length >= leastLength);
    // The long forms first, or a short one would leave the rest of them.
    this.#words = [...new Set([...long, ...long.map((word) => word.slice(0, traceLength))])].sort(
      (a, b) => b.length - a.length,
    );
  }

  /** The text without them. */
  hide(text: string): string {
    return this.#words.reduce((rest, word) => rest.replaceAll(word, cover), text);
  }
}

/** What of a site's settings must never be shown: passwords, and variables that are named as secrets. */
export function secretsOf(
  databases: Readonly<Record<string, { readonly password: string }>>,
  env: Readonly<Record<string, string>>,
): string[] {
  return [
    ...Object.values(databases).map(({ password }) => password),
    ...Object.entries(env)
      .filter(([name]) => /pass|pwd|secret|token|key|salt/i.test(name))
      .map(([, value]) => value),
  ];
}
