import { cronCatalog } from './cron-catalog.js';
import { hostCatalog } from './host-catalog.js';
import { poolCatalog } from './pool-catalog.js';
import { siteCatalog } from './site-catalog.js';
import { surroundingsCatalog } from './surroundings-catalog.js';

/** One entry of the catalogue. Words in braces are filled in by `finding`. */
export interface FindingEntry {
  /** `ok`: said for information; `warn`: something differs or costs; `problem`: something does not work. */
  readonly level: 'ok' | 'warn' | 'problem';
  /** What was found, and where. */
  readonly title: string;
  /** What the operator can do; every finding but an `ok` has one. */
  readonly remedy?: string;
}

/** Everything that `drupald doctor` can say, by its stable name. docs/doctor.md is written from it. */
export const findingCatalog = {
  ...siteCatalog,
  ...hostCatalog,
  ...surroundingsCatalog,
  ...cronCatalog,
  ...poolCatalog,
} as const satisfies Record<string, FindingEntry>;

/** Stable name of a finding. */
export type FindingCode = keyof typeof findingCatalog;
