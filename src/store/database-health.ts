import type { ErrorName } from '../errors.js';
import type { EventBus } from '../events/bus.js';
import { TroubleTeller } from '../events/trouble-teller.js';

/** Milliseconds from which on a statement counts as slow. */
const slow = 1_000;

/** Names of the driver, and the numbers that PHP tells. */
const causes: readonly (readonly [ErrorName, ReadonlySet<string>])[] = [
  [
    'DATABASE_READ_ONLY',
    new Set([
      'ER_OPTION_PREVENTS_STATEMENT',
      'ER_READ_ONLY_MODE',
      'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
      '1290',
      '1792',
      '1836',
    ]),
  ],
  [
    'DATABASE_CONNECTIONS',
    new Set(['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_USER_LIMIT_REACHED', '1040', '1203', '1226']),
  ],
  [
    'DATABASE_UNREACHABLE',
    new Set([
      'ECONNREFUSED',
      'ECONNRESET',
      'ENOENT',
      'EPIPE',
      'ETIMEDOUT',
      'PROTOCOL_CONNECTION_LOST',
      'PROTOCOL_SEQUENCE_TIMEOUT',
      'ER_SERVER_SHUTDOWN',
      '2002',
      '2003',
      '2006',
      '2013',
    ]),
  ],
];

/**
 * Which trouble of a database a failure is; undefined: another one.
 *
 * @param code of the driver, or the number of the server
 */
export function troubleOfCode(code: string): ErrorName | undefined {
  return causes.find(([, codes]) => codes.has(code))?.[0];
}

/**
 * Which trouble of a database a sentence tells of: the driver's begin with its code, and PDO writes
 * the server's number behind the state.
 */
export function troubleInWords(reason: string): ErrorName | undefined {
  const [, code] = /\b(E[A-Z_]{4,}|PROTOCOL_[A-Z_]+)\b/.exec(reason) ?? [];
  const [, number] = /SQLSTATE\[\w+\](?::[^:[]*:| \[) ?(\d{4})\b/.exec(reason) ?? [];
  return troubleOfCode(number ?? code ?? '');
}

/** How one database does, by what came of the daemon's own statements. */
export class DatabaseHealth {
  readonly #teller: TroubleTeller;
  readonly #site: string;

  /**
   * @param site main address
   * @param name of the database
   */
  constructor(bus: EventBus, site: string, name: string) {
    this.#teller = new TroubleTeller(bus, `database ${name} of ${site}`, site);
    this.#site = site;
  }

  /** Whether statements that change something were refused, and none has worked since. */
  get isReadOnly(): boolean {
    return this.#teller.current === 'DATABASE_READ_ONLY';
  }

  /** Whether the last statement was slow. */
  get isSlow(): boolean {
    return this.#teller.current === 'DATABASE_SLOW';
  }

  /**
   * A statement worked.
   *
   * @param changes whether it was one that changes something
   * @param took milliseconds
   */
  worked(changes: boolean, took: number): void {
    if (this.isReadOnly && !changes) {
      return;
    }
    if (took > slow) {
      this.#teller.began('DATABASE_SLOW', { uri: this.#site, seconds: (took / 1000).toFixed(1) });
    } else {
      this.#teller.over();
    }
  }

  /**
   * A statement failed.
   *
   * @param reason without the statement
   */
  failed(code: string, reason: string): void {
    const trouble = troubleOfCode(code);
    if (trouble) {
      this.#teller.began(trouble, { uri: this.#site, reason });
    }
  }
}
