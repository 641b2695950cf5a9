import { describe, inject } from 'vitest';
import { realDrupal } from './paths.js';
import type { Feature, SiteKind } from './site.js';
import { STAND_IN_FEATURES } from './stand-in.js';
import { Suite, type SuiteFacts } from './suite.js';

declare module 'vitest' {
  export interface ProvidedContext {
    drupaldSuite: SuiteFacts | undefined;
  }
}

/** Every feature that the real site has. */
const REAL_FEATURES: readonly Feature[] = ['real', 'locale', 'batch', 'maintenance', 'users', 'semaphore', 'watchdog'];

/** The suite of the global set-up; without one, a suite of this test file's own. */
export async function openSuite(): Promise<Suite> {
  const facts = inject('drupaldSuite');
  return facts === undefined ? await Suite.create() : Suite.attach(facts);
}

/** Runs `body` once per kind of site; where the kind or a needed feature is missing its tests are skipped and counted. */
export function describeSites(name: string, needs: readonly Feature[], body: (kind: SiteKind) => void): void {
  for (const kind of ['stand-in', 'real'] as const) {
    const features = kind === 'real' ? REAL_FEATURES : STAND_IN_FEATURES;
    const able = needs.every((need) => features.includes(need)) && (kind === 'stand-in' || realDrupal() !== undefined);
    const wanted = process.env['DRUPALD_TEST_SITES']?.split(',') ?? [kind];
    const run = able && wanted.includes(kind) ? describe : describe.skip;
    run(`${name} [${kind}]`, () => {
      body(kind);
    });
  }
}
