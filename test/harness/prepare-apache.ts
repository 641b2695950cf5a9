import { afterAll, beforeAll } from 'vitest';
import { Apache } from './apache.js';
import type { Bench } from './bench.js';

/** Registers an Apache in front of a bench's site for a block of tests; its port may be asked for in tests only. */
export function prepareApache(
  bench: Bench,
  extra = '',
  listen: { readonly port?: number } = {},
): { readonly port: number; readonly address: string } {
  let apache: Apache | undefined;
  beforeAll(async () => {
    const { root, account } = bench.site;
    apache = await Apache.start({ root, account, folder: bench.suite.folder, extra, ...listen });
  });
  afterAll(async () => {
    await apache?.stop();
  });
  return {
    get port() {
      if (apache === undefined) throw new Error('Apache does not run yet.');
      return apache.port;
    },
    get address() {
      return `http://127.0.0.1:${String(this.port)}`;
    },
  };
}
