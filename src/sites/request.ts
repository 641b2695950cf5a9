import type { SiteUri } from './site-uri.js';

/** Where a web server's programs are looked for: what a callback starts must not depend on who started us. */
export const serverPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a start request brought along that the callback may see. */
export interface StartContext {
  /** Address of the peer, or of the visitor behind a trusted proxy's own headers. */
  readonly remote: string;
  readonly remotePort: number;
  /** Header names in lower case; already filtered. */
  readonly headers: Readonly<Record<string, string>>;
  /** Path segment of the language, or ''. */
  readonly prefix: string;
}

/** A start request as a status page shows it; without its token. */
export interface AskedFor {
  /** The Host header as it came; empty: there was none. */
  readonly host: string;
  /** The address as it came, up to the token; one character for each byte. */
  readonly target: string;
}

/** For what no request has started. */
export const noContext: StartContext = { remote: '127.0.0.1', remotePort: 0, headers: {}, prefix: '' };

/** Headers of the dispatching request that PHP may see, when a trusted peer sent them. */
const passedOn = /^(accept-language|user-agent|x-forwarded-[a-z-]+|x-real-ip)$/;

/**
 * Keeps what a callback may see of a start request's headers.
 *
 * The module copies every header of the visitor's page into its request, cookies
 * too (contract §2). Cookies and credentials never pass, from anybody.
 */
export function filterHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  trusted: boolean,
): Record<string, string> {
  const kept: Record<string, string> = {};
  if (!trusted) {
    return kept;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && passedOn.test(name)) {
      kept[name] = typeof value === 'string' ? value : value.join(', ');
    }
  }
  return kept;
}

/** Header on every answer of a drupald, by which another one knows who answers starts. */
export const drupaldHeader = 'x-drupald';

/** Value of the header Authorization for the user and password in an address; undefined: it has none. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  const pair = `${decoded(username)}:${decoded(password)}`;
  return username === '' && password === '' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** PHP's rawurlencode(): everything but letters, digits and `-_.~`. */
export function rawurlencode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What `$_GET['q']` holds for a start of this handle: the handle is encoded once there. */
export function startPath(prefix: string, handle: string, token: string): string {
  return `${prefix === '' ? '' : `${prefix}/`}bgp-start/${rawurlencode(handle)}/${token}`;
}

/**
 * What the web server would have put into $_SERVER for a start of this handle.
 *
 * Scheme, host, port and folder come from the site's own address, never from the
 * request. The address of the request stands there without its token: watchdog
 * writes REQUEST_URI into every line (contract §6a).
 */
export function serverVariables(
  uri: SiteUri,
  root: string,
  path: string,
  context: StartContext,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const script = `${uri.basePath}/index.php`;
  const address = `${uri.basePath}/${path}`;
  const server: Record<string, string> = {
    PATH: serverPath,
    REDIRECT_STATUS: '200',
    HTTP_HOST: uri.host,
    HTTP_CONNECTION: 'close',
    SERVER_SIGNATURE: '',
    SERVER_SOFTWARE: 'Apache',
    SERVER_NAME: uri.hostname,
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: String(uri.port),
    REMOTE_ADDR: context.remote,
    REMOTE_PORT: String(context.remotePort),
    DOCUMENT_ROOT: uri.basePath !== '' && root.endsWith(uri.basePath) ? root.slice(0, -uri.basePath.length) : root,
    REQUEST_SCHEME: uri.scheme,
    CONTEXT_PREFIX: '',
    CONTEXT_DOCUMENT_ROOT: root,
    SERVER_ADMIN: '[no address given]',
    SCRIPT_FILENAME: `${root}/index.php`,
    REDIRECT_URL: address,
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.0',
    REQUEST_METHOD: 'POST',
    QUERY_STRING: '',
    REQUEST_URI: address,
    SCRIPT_NAME: script,
    PHP_SELF: script,
    CONTENT_LENGTH: '0',
  };
  if (uri.scheme === 'https') {
    server.HTTPS = 'on';
  }
  for (const [name, value] of Object.entries(context.headers)) {
    server[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] = value;
  }
  // Last, as a SetEnv of the web server would be: it may correct what we assume.
  return { ...server, ...env };
}

/** What the web server would have put into $_SERVER for a request of cron.php (contract cron.md §4.2). */
export function cronVariables(
  uri: SiteUri,
  root: string,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const script = `${uri.basePath}/cron.php`;
  const {
    REDIRECT_STATUS: _status,
    REDIRECT_URL: _url,
    ...server
  } = serverVariables(uri, root, 'cron.php', noContext, {});
  return {
    ...server,
    REQUEST_METHOD: 'GET',
    SCRIPT_FILENAME: `${root}/cron.php`,
    SCRIPT_NAME: script,
    PHP_SELF: script,
    REQUEST_URI: script,
    ...env,
  };
}

/**
 * A start request without its secret: the address as it came, up to the token.
 *
 * @param url raw request target
 * @param token as the row has it
 * @returns undefined: the address spells the token in another way
 */
export function withoutToken(url: string, token: string): string | undefined {
  const at = token === '' ? -1 : url.lastIndexOf(token);
  const target = url.slice(0, at);
  return at < 0 || target.includes(token) ? undefined : target;
}

/** Path of a start as the log may show it: handle, no token; encoded as on the wire. */
export function publicStartPath(prefix: string, handle: string): string {
  return `${prefix === '' ? '' : `${prefix}/`}bgp-start/${rawurlencode(rawurlencode(handle))}`;
}
