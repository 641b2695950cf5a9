import { askingErrors } from './error-catalog/asking-errors.js';
import type { ErrorEntry } from './error-catalog/entry.js';
import { setupErrors } from './error-catalog/setup-errors.js';

/**
 * Every error that an operator or a caller can meet, in one place: a code that never changes, a
 * sentence that says what happened and where, and a sentence that says what to do about it.
 * docs/errors.md is written from this catalogue.
 */
export const errorCatalog = { ...setupErrors, ...askingErrors } satisfies Record<string, ErrorEntry>;

export type { ErrorEntry } from './error-catalog/entry.js';

/** Short name of an error, as the code of this program uses it. */
export type ErrorName = keyof typeof errorCatalog;

/** Public code of an error: `DRUPALD_` and the short name. */
export type ErrorCode = `DRUPALD_${ErrorName}`;

/** Values for the words in braces. */
export type ErrorParams = Readonly<Record<string, unknown>>;

/** An error from the catalogue; everything else that is thrown is a defect or comes from outside. */
export class DrupaldError extends Error {
  override readonly name = 'DrupaldError';
  readonly code: ErrorCode;
  /** Status of the answer when the error ends an HTTP request. */
  readonly httpStatus?: number;
  /** One sentence: what the operator can do. */
  readonly remedy: string;
  /** The values that the sentences were made from. */
  readonly details: Record<string, unknown>;
  /** Exit code of a command that ends with this error. */
  readonly exitCode: number;

  constructor(entry: ErrorEntry, params: ErrorParams = {}, options: ErrorOptions = {}) {
    super(fill(entry.message, params), options);
    this.code = entry.code as ErrorCode;
    this.remedy = fill(entry.remedy, params);
    this.details = { ...params };
    this.exitCode = entry.exitCode;
    if (entry.httpStatus !== undefined) this.httpStatus = entry.httpStatus;
  }
}

/**
 * Makes an error from the catalogue. The caller throws it, so that the compiler sees the end of
 * the path: `throw fail('PORT_IN_USE', { address })`.
 *
 * @param name short name of the entry
 * @param params values for the words in braces; a missing one is shown as "?"
 */
export function fail(name: ErrorName, params: ErrorParams = {}, options: { cause?: unknown } = {}): DrupaldError {
  return new DrupaldError(errorCatalog[name], params, options.cause === undefined ? {} : { cause: options.cause });
}

/** Whether a thrown value is the named error of the catalogue. */
export function isError(value: unknown, code: ErrorName): value is DrupaldError {
  return value instanceof DrupaldError && value.code === `DRUPALD_${code}`;
}

function fill(template: string, params: ErrorParams): string {
  return template.replace(/\{(\w+)\}/g, (_whole, word: string) => {
    const value = params[word];
    if (value === undefined || value === null) return '?';
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}
