import { readMarkup, type Markup, type MarkupRow } from './status-markup.js';

/** What one line of a server-status page says about a worker of Apache and its connection. */
export interface StatusConnection {
  /** Column M: `_`, `.`, or the letter of what it does. */
  readonly state: string;
  /** `name` (Apache 2.2) or `name:port`. */
  readonly vhost: string;
  /** The request line, as Apache keeps it: 63 bytes of it, one character for each byte. */
  readonly request: string;
}

/** A server-status page that is complete. */
export interface StatusPage {
  readonly kind: 'page';
  /** undefined: the page lists no requests, because ExtendedStatus is off or the address asks for less. */
  readonly connections: readonly StatusConnection[] | undefined;
  /** `prefork`, `worker`, `event`…; undefined: Apache 2.2, which does not say. */
  readonly mpm: string | undefined;
  /** How often it was restarted gracefully since it was started. */
  readonly generation: number | undefined;
  /** Seconds since it was started or restarted. */
  readonly uptime: number | undefined;
  /** Whether the first table lists the connections; the one that the module reads (contract §4). */
  readonly connectionsFirst: boolean;
}

/** What was read is no page that anything can be told from. */
export interface NoPage {
  readonly kind: 'none';
  /** Why, as part of a sentence. */
  readonly reason: string;
}

/** What `?auto` tells: nothing about single connections. */
export interface AutoStatus {
  readonly idleWorkers: number | undefined;
  readonly uptime: number | undefined;
}

/**
 * Reads a server-status page of Apache 2.2 or 2.4.
 *
 * @param mark text in the address of the request for this page: the page must list
 *   it among the requests under way, else it is old, or says nothing about requests
 */
export function readStatusPage(html: string, mark: string): StatusPage | NoPage {
  if (!/<html/i.test(html.slice(0, 1000))) {
    const auto = readAutoStatus(html);
    return none(auto ? `it is the short page (?auto), ${autoWords(auto)}` : 'it is not a page of Apache');
  }
  const markup = readMarkup(html);
  if (!markup.whole) {
    return none('it ends too early or its markup is broken');
  }
  const facts = factsOf(markup.terms);
  if (!facts.has('restart time') || !facts.has('current time')) {
    return none('it is not a server-status page of Apache');
  }
  const at = markup.tables.findIndex((table) => table.some(listsConnections));
  const page: Omit<StatusPage, 'connections'> = {
    kind: 'page',
    mpm: facts.get('server mpm')?.toLowerCase(),
    generation: wholeNumber(facts.get('parent server mpm generation') ?? facts.get('parent server generation')),
    uptime: readUptime(facts.get('server uptime')),
    connectionsFirst: at === 0,
  };
  if (at < 0) {
    return { ...page, connections: undefined };
  }
  const connections = readConnections(markup.tables[at] ?? []);
  if (connections === undefined) {
    return none('its table of connections is not understood');
  }
  if (!connections.some(({ state, request }) => isWorking(state) && request.includes(mark))) {
    return none('it does not list the very request that asked for it, so it is not of this moment');
  }
  return { ...page, connections };
}

/** Reads the answer to `?auto`; undefined: it is none. */
export function readAutoStatus(text: string): AutoStatus | undefined {
  const facts = factsOf(text.split('\n'));
  const idleWorkers = wholeNumber(facts.get('idleworkers'));
  const uptime = wholeNumber(facts.get('serveruptimeseconds') ?? facts.get('uptime'));
  return idleWorkers === undefined && uptime === undefined ? undefined : { idleWorkers, uptime };
}

/** Whether a worker in this state has a connection: everything but waiting (`_`) and not there (`.`). */
export function isWorking(state: string): boolean {
  return state !== '_' && state !== '.';
}

function none(reason: string): NoPage {
  return { kind: 'none', reason };
}

function autoWords({ idleWorkers, uptime }: AutoStatus): string {
  const idle = idleWorkers === undefined ? '' : `${idleWorkers} idle workers`;
  const up = uptime === undefined ? '' : `up for ${uptime} s`;
  return [idle, up].filter((words) => words !== '').join(', ');
}

/** `Key: value` texts by key in lower case. */
function factsOf(terms: readonly string[]): Map<string, string> {
  const pairs = terms.filter((term) => term.includes(':')).map((term) => [term, term.indexOf(':')] as const);
  return new Map(pairs.map(([term, at]) => [term.slice(0, at).trim().toLowerCase(), term.slice(at + 1).trim()]));
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

const unitSeconds: Readonly<Record<string, number>> = { day: 86_400, hour: 3_600, minute: 60, second: 1 };

/** `2 days 3 hours 1 minute 5 seconds` in seconds. Unlike the page's times it needs no time zone. */
function readUptime(text: string | undefined): number | undefined {
  const parts = [...(text ?? '').matchAll(/(\d+) (day|hour|minute|second)s?\b/g)];
  return parts.length === 0
    ? undefined
    : parts.reduce((sum, [, n, unit]) => sum + Number(n) * (unitSeconds[unit ?? ''] ?? 0), 0);
}

/** The headings of the one table; that of the key of columns has no requests. */
function listsConnections({ headings, cells }: MarkupRow): boolean {
  return cells.length === 0 && ['srv', 'm', 'vhost', 'request'].every((name) => lower(headings).includes(name));
}

/** Lines of the table by its own headings, which differ between versions; undefined: some line does not fit them. */
function readConnections(table: Markup['tables'][number]): StatusConnection[] | undefined {
  const [head, ...lines] = table;
  if (!head || !listsConnections(head)) {
    return undefined;
  }
  const names = lower(head.headings);
  const column = { state: names.indexOf('m'), vhost: names.indexOf('vhost'), request: names.indexOf('request') };
  const connections: StatusConnection[] = [];
  for (const { headings, cells } of lines) {
    const state = cells[column.state] ?? '';
    if (headings.length > 0 || cells.length !== names.length || !/^(.|\?STATE\?)$/.test(state)) {
      return undefined;
    }
    connections.push({
      state,
      vhost: cells[column.vhost] ?? '',
      request: unescapeRequest(cells[column.request] ?? ''),
    });
  }
  return connections;
}

function lower(texts: readonly string[]): string[] {
  return texts.map((text) => text.toLowerCase());
}

const escapes: Readonly<Record<string, string>> = { b: '\b', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Takes back what Apache does to log lines (ap_escape_logitem): `\xc3` is one byte, as it was one of the 63. */
function unescapeRequest(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, sign: string | undefined) =>
    hex === undefined ? (escapes[sign ?? ''] ?? sign ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
