import { findingCatalog, type FindingCode, type FindingEntry } from './catalog.js';

/** One line of the examination of a site. */
export interface Finding {
  /** Stable name for scripts; docs/doctor.md explains it. */
  readonly code: FindingCode;
  readonly level: 'ok' | 'warn' | 'problem';
  readonly title: string;
  readonly remedy?: string;
}

/** Values for the words in braces. */
export type FindingParams = Readonly<Record<string, string | number>>;

/**
 * Makes a finding of the catalogue.
 *
 * @param params values for the words in braces; a missing one is shown as "?"
 */
export function finding(code: FindingCode, params: FindingParams): Finding {
  const { level, title, remedy }: FindingEntry = findingCatalog[code];
  return {
    code,
    level,
    title: fill(title, params),
    ...(remedy === undefined ? {} : { remedy: fill(remedy, params) }),
  };
}

function fill(template: string, params: FindingParams): string {
  return template.replace(/\{(\w+)\}/g, (_whole, word: string) => String(params[word] ?? '?'));
}
