/**
 * Reads the address of a start request.
 *
 * The module sends `<base>/[<prefix>/]bgp-start/<handle>/<token>` with the handle encoded twice: once by
 * `rawurlencode()`, once more by Drupal's `url()`; without clean URLs the same stands in `?q=`. Front ends
 * may have decoded one or both layers, so one address can mean several handles. All readings are given, the
 * likeliest first; which one is meant shows the row whose token matches.
 *
 * Until the end everything is a text with one character per byte, as Node gives `request.url`.
 */

/** One way to read a start address. */
export interface StartReading {
  /** Possible handles: decoded twice, once, not at all; without repeats. Not empty. */
  readonly handles: readonly string[];
  /** The secret; empty when the address holds none. Such a start is refused. */
  readonly token: string;
}

/** What a start address says. */
export interface StartUrl extends StartReading {
  /** The base path it came under: an entry of `basePaths`, without a slash at the end; `''` is the top. */
  readonly basePath: string;
  /** Language prefix between base path and route, or `''`. */
  readonly prefix: string;
  /** Other readings when more segments than two follow the route; the stock site would ignore some. */
  readonly tokenCandidates?: readonly StartReading[];
}

/** What stands after the route, and how far it has been decoded. */
interface Found {
  readonly basePath: string;
  readonly prefix: string;
  /** Handle, token and whatever follows, with slashes between them. */
  readonly rest: string;
}

/** A list of texts made from one raw text, likeliest first. */
type Decode = (raw: string) => readonly string[];

const MAX_READINGS = 8;
const ROUTE = /^bgp[-:]start$/i;
const MD5 = /^[0-9a-f]{32}$/i;

/**
 * Reads a raw request target: `/bgp-start/H/T`, `/?q=bgp-start/H/T`, `http://host/bgp-start/H/T`…
 *
 * @param rawUrl the target as it came over the wire, not decoded
 * @param basePaths paths that sites live under; `''` and `/` both mean the top
 * @returns null when it is no start address below one of the base paths
 */
export function parseStartUrl(rawUrl: string, basePaths: readonly string[]): StartUrl | null {
  // A caller inside Node may pass real Unicode; on the wire it is bytes.
  // eslint-disable-next-line no-control-regex -- the first 256 characters are the bytes
  const bytes = /[^\u0000-\u00ff]/.test(rawUrl) ? Buffer.from(rawUrl, 'utf8').toString('latin1') : rawUrl;
  const target = bytes.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.startsWith('/') && path !== '') return null;
  if (path.split('/').some((segment) => percentDecode(segment) === '..')) return null;

  const bases = unique(basePaths.map((base) => base.replace(/\/+$/, ''))).sort((a, b) => b.length - a.length);
  for (const base of bases) {
    const below = belowBase(path, base);
    if (below === null) continue;
    const found = findRoute(below, base, percentDecode);
    if (found !== null) return toStartUrl(found, decodePath);
    const query = mark < 0 || !/^(index\.php)?\/*$/i.test(below) ? null : pathParameter(target.slice(mark + 1));
    if (query !== null) return fromQuery(query, base);
  }
  return null;
}

/** The readings of `?q=`. PHP decodes it before anything is split, so encoded slashes separate, too. */
function fromQuery(raw: string, base: string): StartUrl | null {
  const same: Decode = (text) => [percentDecode(text), text, percentDecode(percentDecode(text))];
  // As PHP reads it (plus is a space), with plus as it stands, and as a front end that decoded would send it.
  const decoded = [percentDecode(raw.replaceAll('+', ' ')), percentDecode(raw), raw];
  const urls: StartUrl[] = [];
  for (const text of new Set(decoded)) {
    const found = findRoute(text.replace(/^\/+/, ''), base, (segment) => segment);
    const url = found === null ? null : toStartUrl(found, text === raw ? decodePath : same);
    if (url !== null) urls.push(url);
  }
  const [first, ...others] = urls;
  if (first === undefined) return null;
  const handles = [...first.handles];
  const readings = [...(first.tokenCandidates ?? [])];
  for (const other of others) {
    if (other.token === first.token) handles.push(...other.handles);
    else readings.push({ handles: other.handles, token: other.token });
    readings.push(...(other.tokenCandidates ?? []));
  }
  return withReadings(first, { handles: unique(handles), token: first.token }, readings);
}

/** `bgp-start` as first segment, or as second behind `index.php` or a language prefix, or as third behind both. */
function findRoute(below: string, basePath: string, decode: (segment: string) => string): Found | null {
  let rest = below;
  let prefix = '';
  let mayBeScript = true;
  for (let position = 0; position < 3; position += 1) {
    const slash = rest.indexOf('/');
    if (slash < 0) return null;
    const segment = decode(rest.slice(0, slash));
    rest = rest.slice(slash + 1).replace(/^\/+/, '');
    if (ROUTE.test(segment)) return { basePath, prefix: toText(prefix) ?? '', rest };
    if (mayBeScript && segment.toLowerCase() === 'index.php') {
      mayBeScript = false;
    } else if (prefix === '' && segment !== '.' && segment !== '') {
      prefix = segment;
      mayBeScript = false;
    } else {
      return null;
    }
  }
  return null;
}

function toStartUrl(found: Found, decode: Decode): StartUrl | null {
  const { basePath, prefix, rest } = found;
  const trimmed = rest.replace(/\/+$/, '');
  if (trimmed === '') return null;
  const readings = splits(trimmed).flatMap(([handle, token]) => {
    // A doubled slash is more often a slip than a part of the handle.
    const forms = unique([handle.replaceAll(/\/{2,}/g, '/').replace(/\/$/, ''), handle]);
    const handles = texts(forms.flatMap((form) => decode(form)));
    const secret = toText(percentDecode(percentDecode(token)));
    return handles.length === 0 || secret === null ? [] : [{ handles, token: secret }];
  });
  const [first, ...others] = readings;
  return first === undefined ? null : withReadings({ basePath, prefix, ...first }, first, others);
}

/**
 * Ways to cut `a/b/c` into handle and token. The last segment is the token, unless another one looks like
 * the secrets that Drupal makes and the last one does not.
 */
function splits(rest: string): readonly (readonly [handle: string, token: string])[] {
  const segments = rest.split('/');
  if (segments.length === 1) return [[rest, '']];
  const last = segments.length - 1;
  const positions = Array.from({ length: last }, (_, index) => last - index).filter((index) => segments[index] !== '');
  const likely = positions.filter((index) => MD5.test(segments[index] ?? ''));
  const order = unique([...likely, ...positions]).slice(0, MAX_READINGS);
  return order.map((index) => [segments.slice(0, index).join('/'), segments[index] ?? ''] as const);
}

function decodePath(raw: string): readonly string[] {
  const layers = (text: string): string[] => {
    const once = percentDecode(text);
    return [percentDecode(once), once, text];
  };
  // PHP's urldecode() makes a space of a raw plus; rawurlencode() never writes one.
  return raw.includes('+') ? [...layers(raw), ...layers(raw.replaceAll('+', ' '))] : layers(raw);
}

/** The raw value of the last `q`, which is the one that PHP takes. */
function pathParameter(query: string): string | null {
  let value: string | null = null;
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals > 0 && percentDecode(part.slice(0, equals)) === 'q') value = part.slice(equals + 1);
  }
  return value;
}

/** What follows the base path, without slashes in front; null when the path is not below it. */
function belowBase(path: string, base: string): string | null {
  let rest = path.replace(/^\/+/, '');
  for (const wanted of base.split('/').filter((segment) => segment !== '')) {
    const slash = rest.indexOf('/');
    const segment = slash < 0 ? rest : rest.slice(0, slash);
    if (toText(percentDecode(segment)) !== decodedBase(wanted)) return null;
    rest = slash < 0 ? '' : rest.slice(slash + 1).replace(/^\/+/, '');
  }
  return rest;
}

/** A configured base path may be written with escapes, or with the letters themselves. */
function decodedBase(text: string): string | null {
  return toText(percentDecode(Buffer.from(text, 'utf8').toString('latin1')));
}

function withReadings(url: StartUrl, first: StartReading, others: readonly StartReading[]): StartUrl {
  const { basePath, prefix } = url;
  const result = { basePath, prefix, handles: first.handles, token: first.token };
  return others.length === 0 ? result : { ...result, tokenCandidates: others.slice(0, MAX_READINGS) };
}

/** As PHP's rawurldecode(): escapes become bytes, a percent sign without two digits stays. */
function percentDecode(bytes: string): string {
  return bytes.replaceAll(/%([0-9a-f]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Bytes as text, or null when they are no UTF-8. */
function toText(bytes: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

function texts(candidates: readonly string[]): string[] {
  return unique(candidates.map(toText).filter((text): text is string => text !== null && text !== ''));
}

function unique<T>(items: readonly T[]): T[] {
  return [...new Set(items)];
}
