import { fail } from '../errors.js';

/** An address under which a site is reached, as --uri names it. */
export interface SiteUri {
  /** Without a slash at the end. */
  readonly url: string;
  readonly scheme: 'http' | 'https';
  /** Lower case; an IPv6 address in brackets. */
  readonly hostname: string;
  readonly port: number;
  /** What a browser sends as Host: without the port where it is the scheme's own. */
  readonly host: string;
  /** `` or `/folder`, never with a slash at the end. */
  readonly basePath: string;
}

const defaultPorts = { http: 80, https: 443 } as const;

/**
 * Reads an address of a site.
 *
 * @throws DrupaldError URI_INVALID.
 */
export function parseSiteUri(text: string): SiteUri {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw fail('URI_INVALID', { uri: text, reason: 'it is not a URL' });
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https') {
    throw fail('URI_INVALID', { uri: text, reason: `its scheme is ${scheme}` });
  }
  if (url.username || url.password || url.search || url.hash) {
    throw fail('URI_INVALID', { uri: text, reason: 'it holds more than scheme, host, port and folder' });
  }
  const basePath = url.pathname.replace(/\/index\.php$/, '').replace(/\/+$/, '');
  return {
    url: `${url.origin}${basePath}`,
    scheme,
    hostname: url.hostname.toLowerCase(),
    port: url.port === '' ? defaultPorts[scheme] : Number(url.port),
    host: url.host.toLowerCase(),
    basePath,
  };
}

/** The Host header in the form in which hosts are compared: lower case, the scheme's own port left out. */
export function normalizeHost(header: string): string {
  return header
    .trim()
    .toLowerCase()
    .replace(/\.(?=$|:)/, '')
    .replace(/:(80|443)$/, '');
}
