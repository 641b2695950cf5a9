import ipaddr from 'ipaddr.js';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseBytes } from '../support/bytes.js';
import { outcomeKinds, type OutcomeKind } from '../process/outcome.js';
import { parseDuration } from '../support/duration.js';

/** A kind of value: what a message says that it must be, and how raw values become it. */
export interface Kind<T> {
  /** Ends the sentence "… must be". */
  readonly expected: string;
  /** Takes what YAML, the environment or a flag gave. */
  readonly schema: z.ZodType<T>;
}

/** An address to listen on. */
export interface ListenAddress {
  /** IP address or host name, IPv6 without brackets. */
  readonly host: string;
  /** 0 lets the system choose a free one. */
  readonly port: number;
}

function kind<T>(expected: string, read: (value: unknown) => T | null): Kind<T> {
  const schema = z.unknown().transform((value, context) => {
    const result = read(value);
    if (result !== null) return result;
    context.addIssue({ code: 'custom', message: expected });
    return z.NEVER;
  });
  return { expected, schema };
}

/** One line of text, not empty. */
export const text: Kind<string> = kind('a text that is not empty', (value) =>
  typeof value === 'string' && value.trim() !== '' && !/[\0\r\n]/.test(value) ? value : null,
);

/** A path; made absolute by the loader, which knows what it is relative to. */
export const path: Kind<string> = { ...text, expected: 'a path' };

/** A program by name, path or version: `8.2` is the program php8.2. In quotes, since YAML reads 7.0 as the number 7. */
export const phpProgram: Kind<string> = kind('a program, or a version of PHP in quotes', (value) => {
  if (typeof value !== 'string' || value.trim() === '' || /[\0\r\n]/.test(value)) return null;
  return /^\d+\.\d+$/.test(value) ? `php${value}` : value;
});

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): Kind<number> {
  return kind(`a whole number from ${String(min)} to ${String(max)}`, (value) => {
    const number = typeof value === 'string' && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : null;
  });
}

/** A whole number from `min` to `max`, or the word `auto`. */
export function integerOrAuto(min: number, max: number): Kind<number | 'auto'> {
  const whole = integer(min, max);
  return kind(`${whole.expected}, or auto`, (value) => {
    const result = whole.schema.safeParse(value);
    return value === 'auto' ? 'auto' : result.success ? result.data : null;
  });
}

/** A length of time; the value is in milliseconds. */
export const duration: Kind<number> = kind(
  'a length of time with its unit (ms, s, min, h, d); a bare number means seconds',
  (value) => (typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : null),
);

/** A length of time of at least `min` milliseconds. */
export function durationFrom(min: number): Kind<number> {
  return kind(`${duration.expected}, at least ${min / 1000} s`, (value) => {
    const length = duration.schema.safeParse(value);
    return length.success && length.data >= min ? length.data : null;
  });
}

/** Name of a PHP function, or of a static method with `::` before it. */
export const callback: Kind<string> = kind('a function of PHP, or a static method (Class::method)', (value) => {
  const name = '[A-Za-z_\\x80-\\u{10ffff}][\\w\\x80-\\u{10ffff}]*';
  const path = `\\\\?${name}(?:\\\\${name})*`;
  return typeof value === 'string' && new RegExp(`^${path}(?:::${name})?$`, 'u').test(value) ? value : null;
});

/**
 * A length of time, or one of some words.
 *
 * @param min milliseconds
 */
export function durationOr<const T extends string>(min: number, ...words: readonly T[]): Kind<T | number> {
  return kind(`${words.join(', ')}, or a length of time with its unit, at least ${min / 1000} s`, (value) => {
    const length = duration.schema.safeParse(value);
    return words.find((word) => word === value) ?? (length.success && length.data >= min ? length.data : null);
  });
}

/** A size; the value is in bytes. */
export const size: Kind<number> = kind('a size with its unit (KB, MB, GB); a bare number means bytes', (value) => {
  if (typeof value === 'string' && /^\d+$/.test(value.trim())) return Number(value);
  return typeof value === 'string' || typeof value === 'number' ? parseBytes(value) : null;
});

/** One word of a list. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return kind(`one of ${words.join(', ')}`, (value) => words.find((word) => word === value) ?? null);
}

/** Yes or no. */
export const flag: Kind<boolean> = kind('true or false', (value) => {
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : null;
});

/** The word true: what is not wanted is left out. */
export const yes: Kind<true> = kind('true', (value) => (value === true ? true : null));

/** A list of whatever values. */
export const anyList: Kind<readonly unknown[]> = kind('a list', (value) => (Array.isArray(value) ? value : null));

/** `host:port`, `[ipv6]:port`, or a bare port on the loopback address. */
export const listenAddress: Kind<ListenAddress> = kind('an address and a port (host:port)', (value) => {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]:|([^\s:[\]/@]+):|:)?(\d{1,5})$/.exec(String(value).trim());
  if (!match || Number(match[3]) > 65535) return null;
  if (match[1] !== undefined && !ipaddr.IPv6.isValid(match[1])) return null;
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port: Number(match[3]) };
});

/** A file mode mask such as `0022`. Must be a text: YAML reads 0022 as the number 22. */
export const octal: Kind<string> = kind('an octal number of three or four digits, in quotes', (value) =>
  typeof value === 'string' && /^[0-7]{3,4}$/.test(value) ? value.padStart(4, '0') : null,
);

/** A list of texts; one text, or several with commas or spaces between them, is a list, too. */
export const textList: Kind<readonly string[]> = kind('a list of texts', listOf);

/** A list of IP addresses and networks. */
export const networks: Kind<readonly string[]> = kind('a list of IP addresses or networks', (value) => {
  const list = listOf(value);
  return list?.every((item) => ipaddr.isValid(item) || ipaddr.isValidCIDR(item)) === true ? list : null;
});

/** Names with text values; numbers and yes/no are written as PHP and the shell would. */
export const textMap: Kind<Readonly<Record<string, string>>> = kind('names with values (name: value)', (value) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const result: Record<string, string> = {};
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'boolean') result[name] = item ? '1' : '0';
    else if (typeof item === 'string' || typeof item === 'number') result[name] = String(item);
    else return null;
    if (name === '' || /[\0\r\n=]/.test(name) || result[name].includes('\0')) return null;
  }
  return result;
});

/** Names or patterns, each with a value of one kind; in a variable of the environment as YAML, such as `{ "feeds_*": 2 }`. */
export function mapOf<T>(inner: Kind<T>): Kind<Readonly<Record<string, T>>> {
  return kind(`names with values, each ${inner.expected}`, (given) => {
    const value = typeof given === 'string' ? parsed(given) : given;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
    const entries: [string, T][] = [];
    for (const [name, item] of Object.entries(value)) {
      const result = inner.schema.safeParse(item);
      if (!result.success || name === '') return null;
      entries.push([name, result.data]);
    }
    return Object.fromEntries(entries);
  });
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function listOf(value: unknown): readonly string[] | null {
  const list: unknown = typeof value === 'string' ? value.split(/[\s,]+/).filter((item) => item !== '') : value;
  if (!Array.isArray(list)) return null;
  return list.every((item): item is string => typeof item === 'string' && item !== '') ? list : null;
}

/** How often and on which ends a process is begun again. */
export interface RetryRule {
  /** Times that it may be begun in all. */
  readonly attempts: number;
  /** Milliseconds before the second; each further pause is twice as long. */
  readonly pause: number;
  readonly on: ReadonlySet<OutcomeKind>;
}

/** Ends that are nobody's decision and may not come again. */
const unlucky = ['signalled', 'lost', 'out-of-memory', 'database-lost'] as const satisfies readonly OutcomeKind[];

/** Ends after which nothing is to be begun again. */
const final: ReadonlySet<OutcomeKind> = new Set(['completed', 'cancelled', 'refused', 'not-callable']);

/** `{ attempts, pause, on }`; `on` lists outcomes. */
export const retryRule: Kind<RetryRule> = kind(
  `{ attempts: 2 to 100, pause: a length of time, on: outcomes such as ${unlucky.join(', ')} }`,
  (value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
    const { attempts: rawAttempts, pause: rawPause = '10 s', on = unlucky, ...rest } = value as Record<string, unknown>;
    const attempts = integer(2, 100).schema.safeParse(rawAttempts);
    const pause = duration.schema.safeParse(rawPause);
    const kinds = Array.isArray(on)
      ? on.map((word) => outcomeKinds.find((one) => one === word && !final.has(one)))
      : [];
    if (!attempts.success || !pause.success || kinds.length === 0 || Object.keys(rest).length > 0) return null;
    const known = kinds.filter((one) => one !== undefined);
    return known.length < kinds.length ? null : { attempts: attempts.data, pause: pause.data, on: new Set(known) };
  },
);

/** Schemes of the addresses of a Redis: plain, over TLS, and a Unix socket. */
const redisSchemes = ['redis:', 'rediss:', 'unix:'];

/** The address of a Redis, written as `URL` writes it: a user and a password in it are percent-encoded. */
export const redisUrl: Kind<string> = kind(
  'an address such as redis://HOST:PORT/DATABASE, rediss://… (over TLS) or unix:///PATH/OF/SOCKET, with USER:PASSWORD@ before the host (percent-encoded; unix://:PASSWORD@localhost/PATH) where it asks for one',
  (value) => {
    if (typeof value !== 'string' || !URL.canParse(value)) return null;
    const { protocol, hostname, pathname, search, hash, href, username, password } = new URL(value);
    if (![username, password, pathname].every(isDecodable)) return null;
    const place =
      protocol === 'unix:' ? ['', 'localhost'].includes(hostname) && /^\/./.test(pathname) : hostname !== '';
    const database = protocol === 'unix:' || /^(?:\/\d{0,5})?$/.test(pathname);
    return redisSchemes.includes(protocol) && place && database && search === '' && hash === '' ? href : null;
  },
);

/** Whether every `%` in a text begins a sign that it stands for. */
function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** How many may begin within a time. */
export interface RateRule {
  readonly max: number;
  /** Milliseconds. */
  readonly within: number;
}

/** `10/1 min`: so many in so long. */
export const rateRule: Kind<RateRule> = kind(
  'a number and a length of time with a slash between, such as 10/1 min',
  (value) => {
    const match = typeof value === 'string' ? /^\s*(\d{1,7})\s*\/\s*(.+)$/.exec(value) : null;
    const within =
      match === null ? null : parseDuration(/^\d/.test(match[2] ?? '') ? (match[2] ?? '') : `1 ${match[2] ?? ''}`);
    const max = Number(match?.[1] ?? 0);
    return within !== null && within >= 1 && max >= 1 ? { max, within } : null;
  },
);
