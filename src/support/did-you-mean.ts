import { distance } from 'fastest-levenshtein';

/**
 * The known word nearest to a mistyped one, or null when none is near enough to be meant:
 * at most a third of its letters may differ (two for short words).
 */
export function didYouMean(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const away = distance(normal(word), normal(candidate));
    if (away < bestDistance) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

/** The end of a sentence: `; did you mean "listen"?` style hint, or nothing. */
export function suggestion(word: string, known: readonly string[]): string {
  const near = didYouMean(word, known);
  return near === null ? '' : ` (did you mean "${near}"?)`;
}

// Dashes, underlines and case are the usual slips; they should weigh nothing.
function normal(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '');
}
