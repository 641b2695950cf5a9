import { constants } from 'node:os';

import { PrivateAddressError } from './private-address.js';

/** What a request came to, in the words of the module's results. Times are seconds since 1970. */
export interface Answer {
  readonly url: string;
  readonly code: number;
  readonly error?: string;
  readonly protocol?: string;
  readonly status_message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Base64. */
  readonly data: string;
  readonly file?: string;
  readonly redirect_code?: number;
  readonly redirect_url?: string;
  readonly start: number;
  readonly end: number;
  /** How often it was made. */
  readonly attempts: number;
}

/** A body that is too large for the database. */
export class LargeBodyError extends Error {
  override readonly name = 'LargeBodyError';
}

/** A file that cannot be written. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** An address that no request can be made of. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

const certificate = /CERT|SIGNATURE|ERR_TLS/;

/** Code and words of an end without an answer. */
export function failureOf(error: unknown): { readonly code: number; readonly error: string } {
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof PrivateAddressError) return { code: -1004, error: words };
  if (error instanceof AddressError) return { code: -1003, error: words };
  if (error instanceof LargeBodyError) return { code: -1006, error: words };
  if (error instanceof FileError) return { code: -2023, error: words };
  const cause = (error as { cause?: unknown } | null)?.cause;
  if (cause instanceof PrivateAddressError) return { code: -1004, error: cause.message };
  const name = String((error as { name?: unknown } | null)?.name);
  const code = String((error as { code?: unknown } | null)?.code);
  if (name === 'TimeoutError' || code.endsWith('_TIMEOUT')) return { code: -1, error: 'request timed out' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { code: -2006, error: words };
  if (certificate.test(code)) return { code: -2060, error: words };
  const number = (constants.errno as Readonly<Record<string, number>>)[code];
  return number === undefined ? { code: -2056, error: words } : { code: -number, error: words };
}

/** Codes that say nothing was sent yet. */
const unsent: readonly number[] = [-2006, -constants.errno.ECONNREFUSED, -constants.errno.EHOSTUNREACH];

/** Whether another attempt may come to something else, and does nothing twice. */
export function mayTryAgain(code: number, method: string): boolean {
  if (unsent.includes(code)) return true;
  const isTransport = code < 0 && ![-1003, -1004, -1006, -2023, -2060].includes(code);
  return (isTransport || [429, 502, 503, 504].includes(code)) && method !== 'POST' && method !== 'PATCH';
}
