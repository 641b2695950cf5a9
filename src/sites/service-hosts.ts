import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

import type { SiteFacts } from './description.js';
import { publicStartPath, type AskedFor } from './request.js';

/** Where the daemon listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Host[:port] texts under which the daemon's own listener can be meant. */
export function ownAddresses(listen: ListenAddress): string[] {
  const hosts = new Set<string>([listen.host, 'localhost', '127.0.0.1', '::1', hostname()]);
  if (listen.host === '0.0.0.0' || listen.host === '::') {
    for (const addresses of Object.values(networkInterfaces())) {
      for (const address of addresses ?? []) {
        hosts.add(address.address);
      }
    }
  }
  return [...hosts].map((host) => `${isIP(host) === 6 ? `[${host}]` : host}:${listen.port}`.toLowerCase());
}

/**
 * The service host names that a daemon serves (design decision 5): those named
 * in `serves:`, else those whose base_url is its listener. The twin of one, which only names its
 * status page, is none.
 */
export function servedHosts(
  hosts: SiteFacts['serviceHosts'],
  listen: ListenAddress,
  serves: readonly string[] | undefined,
): string[] {
  if (serves) {
    return [...serves];
  }
  const names = Object.entries(hosts).flatMap(([name, { baseUrl }]) => (leadsHere(baseUrl, listen) ? [name] : []));
  return names.filter((name) => !name.endsWith('_ass') || hosts[name.slice(0, -'_ass'.length)] === undefined);
}

/** A page of a web server, and how it is asked for. */
export interface PageAddress {
  /** With the user and password that it may need. */
  readonly url: string;
  /** Host header; empty: the one of the address. */
  readonly httpHost: string;
}

/**
 * Where the server-status page of a service host is: at the service host NAME_ass
 * (contract §4). Without a user of its own it is asked for as the service host itself,
 * if it is on the same server.
 *
 * @returns undefined: there is no such twin, or one of the two has no address
 */
export function statusPageOf(hosts: SiteFacts['serviceHosts'], name: string): PageAddress | undefined {
  const host = hosts[name];
  const twin = hosts[`${name}_ass`];
  if (!host || !twin || !URL.canParse(host.baseUrl) || !URL.canParse(twin.baseUrl)) {
    return undefined;
  }
  const url = new URL(twin.baseUrl);
  const own = new URL(host.baseUrl);
  if (url.username === '' && url.password === '' && url.origin === own.origin) {
    url.username = own.username;
    url.password = own.password;
  }
  return { url: url.href, httpHost: twin.httpHost };
}

/**
 * The request that the module sends for a start of a process, without its token: as its own
 * functions make it from the service host.
 */
export function startRequestOf(
  { serviceHosts, cleanUrls }: Pick<SiteFacts, 'serviceHosts' | 'cleanUrls'>,
  name: string,
  handle: string,
): AskedFor {
  const { baseUrl = '', httpHost = '' } = serviceHosts[name] ?? serviceHosts.default ?? {};
  const [, authority = '', folder = ''] = /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#]*)([^?#]*)/i.exec(baseUrl) ?? [];
  return {
    host: httpHost === '' ? authority : httpHost,
    target: `${folder}/${cleanUrls ? '' : '?q='}${publicStartPath('', handle)}/`,
  };
}

/** Whether a base_url is the daemon's own listener, by whatever scheme. */
export function leadsHere(baseUrl: string, listen: ListenAddress): boolean {
  return ownAddresses(listen).includes(addressOf(baseUrl));
}

function addressOf(baseUrl: string): string {
  try {
    const url = new URL(baseUrl);
    return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`.toLowerCase();
  } catch {
    return '';
  }
}
