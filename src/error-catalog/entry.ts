/** One entry of the catalogue. Words in braces in the two sentences are filled in by `fail`. */
export interface ErrorEntry {
  /** Stable name for scripts and searches. */
  readonly code: `DRUPALD_${string}`;
  /** What happened, and where. */
  readonly message: string;
  /** What the operator can do. */
  readonly remedy: string;
  /** Status of the answer when the error ends an HTTP request. */
  readonly httpStatus?: number;
  /** 1: failed. 2: wrong use or configuration. 75: temporary, try again later. */
  readonly exitCode: 1 | 2 | 75;
}
