import { likeness } from './start-line.js';
import { isWorking, type NoPage, type StatusPage } from './status-page.js';

/** A row of status 2 that a web server claimed. */
export interface ForeignRun {
  readonly handle: string;
  /** Only compared; no evidence holds it. */
  readonly token: string;
  /** Seconds since 1970: the claim, by the clock of the web server. */
  readonly startedAt: number;
}

/** How its service host is reached, and how its status page. */
export interface ForeignHost {
  readonly baseUrl: string;
  /** Host header that the module sends; empty: the one of base_url. */
  readonly httpHost: string;
  /** Address of the status page. */
  readonly statusUrl: string;
}

/** What a status page says about one run, and why, in a plain sentence without secrets. */
export interface Verdict {
  readonly verdict: 'alive' | 'gone' | 'unknown';
  readonly evidence: string;
}

/**
 * Judges one run by one page that was read after the row.
 *
 * Alive is whatever may be the run: any working connection with its start request,
 * under whatever name of the server, also when the cut of 63 bytes leaves open which of
 * two processes it is. Gone needs a complete page of this moment, of the right server,
 * of an Apache in which PHP lives exactly as long as its connection is listed. All else
 * is unknown, which is not dead.
 *
 * @param readAt seconds since 1970 at which the page was asked for
 */
export function judge(run: ForeignRun, host: ForeignHost, page: StatusPage | NoPage, readAt: number): Verdict {
  if (page.kind === 'none') {
    return unknown(`The status page tells nothing: ${page.reason}.`);
  }
  if (run.startedAt >= readAt) {
    return unknown('It was claimed after the status page was read, or the clocks of the two machines differ.');
  }
  if (!page.connections) {
    return unknown('The status page lists no requests: ExtendedStatus is off, or its address asks for less.');
  }
  const start = { handle: run.handle, token: run.token, basePath: pathOf(host.baseUrl) };
  // Without R: the row was claimed, so its request has long been read; such a line still shows the request before.
  const working = page.connections.filter(({ state }) => isWorking(state) && state !== 'R');
  const likely = working.map((connection) => ({ ...connection, like: likeness(connection.request, start) }));
  const found = likely.find(({ like }) => like === 'yes') ?? likely.find(({ like }) => like === 'maybe');
  if (found) {
    const how = found.like === 'yes' ? 'carries its start request' : 'may carry it, as far as the cut request shows';
    return { verdict: 'alive', evidence: `A connection in state ${found.state} to ${found.vhost} ${how}.` };
  }
  if (!isOf(host, page)) {
    return unknown(`The status page is reached under another name and shows nothing of ${serverName(host)}.`);
  }
  return page.mpm === 'prefork'
    ? gone(run, page, readAt)
    : unknown(`No connection carries it, but ${notProof(page.mpm)}.`);
}

/** Path of an address, without a slash at the end. */
export function pathOf(url: string): string {
  return URL.canParse(url) ? new URL(url).pathname.replace(/\/+$/, '') : '';
}

function gone(run: ForeignRun, { connections = [], generation, uptime }: StatusPage, readAt: number): Verdict {
  const reading = connections.filter(({ state }) => state === 'R').length;
  const restarted = uptime !== undefined && readAt - uptime > run.startedAt;
  const evidence = [
    'None of the connections on the complete status page carries it.',
    ...(reading > 0
      ? [`Those in state R (${reading}) are none of it: its request was read before it was claimed.`]
      : []),
    ...(restarted && generation === 0 ? ['Apache was started anew after it began.'] : []),
    ...(restarted && generation !== undefined && generation > 0
      ? ['Apache was restarted gracefully after it began, and would show it in state G or W.']
      : []),
  ];
  return { verdict: 'gone', evidence: evidence.join(' ') };
}

/**
 * Why a missing connection is no proof outside prefork, both seen on Apache 2.4: MPM
 * worker gives the lines of finishing children to new ones, so that a living request
 * vanishes from the page; and beside threads PHP runs in processes of its own, which
 * go on when Apache has given up waiting for them (Timeout, ProxyTimeout).
 */
function notProof(mpm: string | undefined): string {
  if (mpm === undefined) {
    return 'this Apache does not tell its MPM';
  }
  return mpm === 'worker'
    ? 'Apache with MPM worker loses requests from its page while children finish, and PHP may run outside it'
    : `PHP runs outside an Apache with MPM ${mpm} and may outlive its connection`;
}

/** The page is of the service host's own machine if its address says so, or if some line names that host. */
function isOf(host: ForeignHost, page: StatusPage): boolean {
  const names = [hostnameOf(host.baseUrl), serverName(host)].filter((name) => name !== '');
  const shown = page.connections?.map(({ vhost }) => withoutPort(vhost)) ?? [];
  return hostnameOf(host.statusUrl) === hostnameOf(host.baseUrl) || names.some((name) => shown.includes(name));
}

function serverName({ baseUrl, httpHost }: ForeignHost): string {
  return httpHost === '' ? hostnameOf(baseUrl) : withoutPort(httpHost);
}

function withoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : '';
}

function unknown(evidence: string): Verdict {
  return { verdict: 'unknown', evidence };
}
