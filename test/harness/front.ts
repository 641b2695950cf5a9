import { afterAll, beforeAll } from 'vitest';
import { Apache, hasApache } from './apache.js';
import type { Bench } from './bench.js';
import { hasNginx, Nginx } from './nginx.js';
import { readmeBlock } from './readme.js';

/** A web server in front of a site, with README's rule for starts or without it. */
export interface Front {
  readonly port: number;
  readonly address: string;
  /** Writes the rule into its configuration or takes it out, and reloads. `more` are further lines. */
  setRule(present: boolean, more?: string): Promise<void>;
}

/** The web servers for which README has a rule. */
export type FrontKind = 'Apache' | 'nginx';

/** PHP_SAPI of what runs under each. */
export const FRONT_SAPI: Readonly<Record<FrontKind, string>> = { Apache: 'apache2handler', nginx: 'fpm-fcgi' };

/** Whether this machine has such a web server. */
export function hasFront(kind: FrontKind): boolean {
  return kind === 'Apache' ? hasApache() : hasNginx();
}

/** Registers a web server with README's rule, which leads to the daemon of the bench. */
export function prepareFront(kind: FrontKind, bench: Bench): Front {
  let server: Apache | Nginx | undefined;
  const daemon = (): string => `http://127.0.0.1:${bench.daemon.port}`;
  const apacheRule = (): string => readmeBlock('apache', { 'http://127.0.0.1:8970': daemon() });
  const nginxRule = (fastcgi: string): string =>
    readmeBlock('nginx', { 'http://127.0.0.1:8970': daemon(), 'unix:/run/php/php-fpm.sock': fastcgi });
  beforeAll(async () => {
    const options = { root: bench.site.root, account: bench.site.account, folder: bench.suite.folder };
    server =
      kind === 'Apache'
        ? await Apache.start({ ...options, extra: apacheRule() })
        : await Nginx.start({ ...options, extra: nginxRule });
  });
  afterAll(async () => {
    await server?.stop();
  });
  return {
    get port() {
      if (server === undefined) throw new Error(`${kind} does not run yet.`);
      return server.port;
    },
    get address() {
      return `http://127.0.0.1:${this.port}`;
    },
    async setRule(present, more = '') {
      if (server instanceof Apache) {
        await server.reconfigure(`${present ? apacheRule() : ''}\n${more}`);
      } else {
        await server?.reconfigure((fastcgi) => `${present ? nginxRule(fastcgi) : ''}\n${more}`);
      }
    },
  };
}
