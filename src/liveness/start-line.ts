import { rawurlencode } from '../sites/request.js';

/** Bytes of a request line that Apache shows (contract §4). */
const shownBytes = 63;

/** Longest path segment that is taken for the prefix of a language, such as `pt-br`. */
const prefixLimit = 32;

/** The start request that is looked for. */
export interface StartOf {
  readonly handle: string;
  readonly token: string;
  /** `` or `/folder`: path of the service host's base_url. */
  readonly basePath: string;
}

/** Whether a shown request is the one: `maybe` when what is cut off decides. */
export type Likeness = 'yes' | 'maybe' | 'no';

/**
 * Compares what Apache shows of a request line with the start of a process.
 *
 * On the wire it is `POST <folder>/[<language>/]bgp-start/<handle>/<token> HTTP/1.0`,
 * or `/?q=bgp-start/…` without clean URLs, with the handle encoded twice; a front end
 * may have decoded once (contract §2). Of that 63 bytes are shown, the first ones, or
 * the last ones with SeeRequestTail. Whatever of the token is shown must agree: it tells
 * the same name of another site, or an earlier start, apart.
 *
 * @param shown one character for each byte
 */
export function likeness(shown: string, start: StartOf): Likeness {
  const text = shown.toLowerCase();
  const token = start.token.toLowerCase();
  if (token.length >= 16 && text.includes(token)) {
    return 'yes';
  }
  const cut = shown.length >= shownBytes;
  const target = /^post (.*)$/s.exec(text)?.[1];
  if (target === undefined) {
    // The end of a longer line holds the whole token, and that would have been found.
    return 'no';
  }
  const found = tails(target, start.basePath.toLowerCase(), cut).map((tail) =>
    spellings(start.handle).map((handle) => compare(tail, `bgp-start/${handle}/`, token, cut)),
  );
  const all = found.flat();
  return all.includes('yes') ? 'yes' : all.includes('maybe') ? 'maybe' : 'no';
}

/** Spellings of a handle on the wire in lower case: encoded twice, once, and not at all. */
function spellings(handle: string): string[] {
  const once = rawurlencode(handle);
  const plain = Buffer.from(handle, 'utf8').toString('latin1');
  return [...new Set([rawurlencode(once), once, plain].map((text) => text.toLowerCase()))];
}

/** What may follow the folder of the site and its language; none when the target is elsewhere. */
function tails(target: string, basePath: string, cut: boolean): string[] {
  if (cut && `${basePath}/`.startsWith(target)) {
    // Nothing but the folder is shown.
    return [''];
  }
  if (!target.startsWith(`${basePath}/`)) {
    return [];
  }
  const rest = target.slice(basePath.length).replace(/^\/+(index\.php)?(\/*\?q=|\/+)?/, '');
  const at = rest.indexOf('/');
  const segment = at < 0 ? rest : rest.slice(0, at);
  const prefixed = segment.length <= prefixLimit && !segment.startsWith('bgp-start');
  return prefixed && (at >= 0 || cut) ? [rest, at < 0 ? '' : rest.slice(at + 1)] : [rest];
}

function compare(tail: string, path: string, token: string, cut: boolean): Likeness {
  if (!tail.startsWith(path)) {
    return cut && path.startsWith(tail) ? 'maybe' : 'no';
  }
  const rest = tail.slice(path.length);
  const shownToken = /^[^/ ?&]*/.exec(rest)?.[0] ?? '';
  if (shownToken === '' || token === '') {
    return 'maybe';
  }
  return (cut && shownToken === rest ? token.startsWith(shownToken) : token === shownToken) ? 'yes' : 'no';
}
