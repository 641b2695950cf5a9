import { normalizeHost, type SiteUri } from './site-uri.js';

/** An address with whatever belongs to it. */
export interface HostEntry<T> {
  readonly uri: SiteUri;
  readonly target: T;
}

/** What a request says about where it was sent. */
export interface RequestTarget {
  readonly host: string | undefined;
  /** From a trusted proxy only. */
  readonly forwardedHost?: string | undefined;
  /** From a trusted proxy only. */
  readonly forwardedProto?: string | undefined;
  /** Base path found in the request's address. */
  readonly basePath: string;
}

/**
 * Which site a start request is for: by Host, base path and scheme.
 *
 * A Host that is the daemon's own address (a service host without `http_host`)
 * belongs to the one site there is; with several it is foreign.
 */
export class HostMap<T> {
  readonly #entries: readonly HostEntry<T>[];
  readonly #own: ReadonlySet<string>;

  constructor(entries: readonly HostEntry<T>[], ownAddresses: readonly string[]) {
    this.#entries = entries;
    this.#own = new Set(ownAddresses.map(normalizeHost));
  }

  /** Base paths of all addresses, longest first. */
  get basePaths(): string[] {
    return [...new Set(this.#entries.map((entry) => entry.uri.basePath))].sort((a, b) => b.length - a.length);
  }

  /** The address that a request belongs to; undefined: foreign. */
  find(target: RequestTarget): HostEntry<T> | undefined {
    for (const host of [target.host, target.forwardedHost?.split(',')[0]]) {
      if (host === undefined || host === '') {
        continue;
      }
      const entry = this.#choose(this.#ofHost(normalizeHost(host)), target);
      if (entry) {
        return entry;
      }
    }
    const toUs = target.host === undefined || target.host === '' || this.#own.has(normalizeHost(target.host));
    const sites = new Set(this.#entries.map((entry) => entry.target));
    return toUs && sites.size === 1 ? this.#choose(this.#entries, target) : undefined;
  }

  /** The first address of the site with this Host, for rows found without a request. */
  ofHost(host: string): HostEntry<T> | undefined {
    return this.#ofHost(normalizeHost(host))[0];
  }

  #ofHost(host: string): HostEntry<T>[] {
    return this.#entries.filter((entry) => normalizeHost(entry.uri.host) === host);
  }

  #choose(entries: readonly HostEntry<T>[], target: RequestTarget): HostEntry<T> | undefined {
    // A service host's base_url may leave the site's folder out.
    const inFolder = entries.filter((entry) => entry.uri.basePath === target.basePath);
    const candidates = inFolder.length > 0 ? inFolder : target.basePath === '' ? entries : [];
    return candidates.find((entry) => entry.uri.scheme === target.forwardedProto) ?? candidates[0];
  }
}
