import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';

import { plainAddress, TrustedPeers } from '../intake/trusted-peers.js';
import type { StartRequest } from '../intake/accept-start.js';
import type { RunRecord } from '../scheduler/run-record.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedSite } from '../scheduler/served-site.js';
import { startRequestOf } from '../sites/service-hosts.js';
import { asksForAuto, statusAuto, statusPage, type StatusAnswer, type StatusWorker } from './server-status.js';

/** Loopback addresses may always ask. */
const loopback = ['127.0.0.0/8', '::1'];

/** CPU time in /proc is counted in hundredths of a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Who works here. */
export interface Workforce {
  readonly scheduler: Pick<Scheduler, 'running' | 'idle' | 'waiting'>;
  readonly sites: readonly Pick<ServedSite, 'isOpen'>[];
}

/**
 * Answers /server-status in the place of Apache's mod_status, from what this process knows: it asks no
 * database, no worker and no site, and it is there before they are.
 */
export class StatusBoard {
  readonly #version: string;
  readonly #startedAt = Date.now();
  readonly #allowed: TrustedPeers;
  #workforce: Workforce | undefined;
  #accesses = 0;
  #bytes = 0;

  /** @param allow addresses and networks that may ask besides the loopback ones */
  constructor(version: string, allow: readonly string[]) {
    this.#version = version;
    this.#allowed = new TrustedPeers([...loopback, ...allow]);
  }

  /** From now on there are workers to show. */
  show(workforce: Workforce): void {
    this.#workforce = workforce;
  }

  /** A connection is over, with so many bytes sent. */
  countAnswer(bytes: number): void {
    this.#accesses += 1;
    this.#bytes += bytes;
  }

  /** The page or, for `?auto`, the short one; undefined: the peer may not see it. */
  answer({ url, headers, peer, method }: StartRequest & { readonly method: string }): StatusAnswer | undefined {
    const address = plainAddress(peer);
    if (!this.#allowed.has(address)) {
      return undefined;
    }
    const { scheduler, sites } = this.#workforce ?? { scheduler: { running: [], idle: 0, waiting: 0 }, sites: [] };
    const { user, system } = process.cpuUsage();
    const { host } = headers;
    const status = {
      version: this.#version,
      host: (Array.isArray(host) ? host[0] : host) ?? '',
      peer: address,
      request: `${method} ${url}`,
      pid: process.pid,
      now: Date.now(),
      startedAt: this.#startedAt,
      load: loadavg(),
      cpu: { user: user / 1e6, system: system / 1e6 },
      accesses: this.#accesses,
      bytes: this.#bytes,
      workers: scheduler.running.map(workerOf),
      idle: sites.some((site) => site.isOpen) ? scheduler.idle : 0,
      waiting: scheduler.waiting,
    };
    return asksForAuto(url) ? statusAuto(status) : statusPage(status);
  }
}

function workerOf({ dispatch, dispatchedAt, pid }: RunRecord): StatusWorker {
  const { site, serviceHost, handle, context, uri } = dispatch;
  const facts = site.facts ?? { serviceHosts: {}, cleanUrls: true };
  const { host, target } = dispatch.asked ?? startRequestOf(facts, serviceHost, handle);
  return {
    pid,
    since: dispatchedAt,
    cpu: pid === undefined ? 0 : cpuSeconds(pid),
    client: context.remote,
    host: host === '' ? uri.host : host,
    targets: spellings(target, context.prefix),
  };
}

/**
 * The module's sweep looks for the address that it would send itself: without a language where cron runs
 * under the default one, whatever language the start was sent under.
 */
function spellings(target: string, prefix: string): string[] {
  const at = prefix === '' ? -1 : target.indexOf(`${prefix}/bgp-start`);
  return at < 0 ? [target] : [target, target.slice(0, at) + target.slice(at + prefix.length + 1)];
}

/** Seconds that a process has used; 0 when it is gone. Of /proc, so nobody has to be waited for. */
function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}
